/** `holdfast upload` over a network that fails, to a server that takes a PUT. Public surface only, one error aside. */

import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, openAsBlob, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { exchange } from "../../src/client/send/bytes.ts";
import { send } from "../acceptance/support/exchange.ts";
import { Place } from "../acceptance/support/place.ts";
import { type Cable, layCable } from "./support/cable.ts";
import { Uploading } from "./support/uploading.ts";

vi.setConfig({ testTimeout: 60_000 });

const place = new Place();
const uploading = new Uploading(place);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
let cable: Cable;

beforeAll(async () => {
  await place.start();
  cable = await layCable(place.url);
  await place.get("mutation { createItem(input: {itemId: 1, pictures: []}) { affected { count } } }");
});
afterAll(async () => {
  await cable.cut();
  await place.close();
});

const upload = (...args: string[]) => uploading.run(cable.url, ...args).ended;

/** What is remembered of uploads that were begun. */
const remembered = () => uploading.remembered();

async function urlOf(field: string): Promise<string> {
  const { item } = await place.get<{ item: Record<string, { url: string }> }>(
    `{ item(itemId: 1) { ${field} { url } } }`,
  );
  return item[field]?.url ?? "";
}

describe("upload", () => {
  const file = join(place.folder, "value.bin");

  it("sends a file again when the network was away for a moment", async () => {
    const bytes = randomBytes(60 * 2 ** 20);
    writeFileSync(file, bytes);
    const running = upload("value.bin", "Item.bytes", "itemId=1", "--json");
    while (remembered().length === 0) await sleep(10);
    await cable.cut();
    await sleep(300);
    await cable.mend();
    const { code, err } = await running;
    expect([code, err]).toEqual([0, ""]);
    expect(sha256((await send(await urlOf("bytes"))).bytes)).toBe(sha256(bytes));
    expect(remembered()).toEqual([]);
  });

  it("tells when the network stays away, and leaves the row as it was", async () => {
    const before = sha256((await send(await urlOf("bytes"))).bytes);
    writeFileSync(file, randomBytes(60 * 2 ** 20));
    const running = upload("value.bin", "Item.bytes", "itemId=1", "--json");
    while (remembered().length === 0) await sleep(10);
    await cable.cut();
    const { code, err } = await running;
    await cable.mend();
    expect([code, JSON.parse(err).error.code]).toEqual([6, "SERVER_UNAVAILABLE"]);
    expect(sha256((await send(await urlOf("bytes"))).bytes)).toBe(before);
    expect((await upload("value.bin", "Item.bytes", "itemId=1")).code).toBe(0);
    expect(sha256((await send(await urlOf("bytes"))).bytes)).toBe(sha256(readFileSync(file)));
  });

  it("sends a folder, many files at a time, whatever they are called", async () => {
    const names = [
      "zarr.json",
      "c/empty",
      "c/é ?#&.bin",
      ...Array.from({ length: 40 }, (_, i) => `c/${i}/0`),
    ];
    for (const name of names) {
      const path = join(place.folder, "movie.zarr", name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, name === "c/empty" ? "" : name);
    }
    const { code, err } = await upload("movie.zarr", "Item.tree", "itemId=1", "--json", "--parallel", "12");
    expect([code, err]).toEqual([0, ""]);
    const url = await urlOf("tree");
    const { item } = await place.get<{ item: { tree: { itemCount: number } } }>(
      "{ item(itemId: 1) { tree { itemCount } } }",
    );
    expect(item.tree.itemCount).toBe(names.length);
    for (const name of names) {
      const at = name.split("/").map(encodeURIComponent).join("/");
      expect((await send(`${url}/${at}`)).bytes.toString()).toBe(name === "c/empty" ? "" : name);
    }
    expect(remembered()).toEqual([]);
  });

  it("refuses a width that is none, and remembers nothing of what was refused", async () => {
    for (const width of ["0", "17", "x"])
      expect((await upload("value.bin", "Item.bytes", "--parallel", width, "--json")).code).toBe(2);
    expect((await upload("value.bin", "Item.array", "itemId=1", "--json")).code).not.toBe(0);
    expect(remembered()).toEqual([]);
  });

  it("tells a file that is written to while it is sent from a server that is away", async () => {
    writeFileSync(file, "before");
    const body = await openAsBlob(file);
    writeFileSync(file, "and after");
    const sent = exchange(`${place.url}/uploads/x`, { method: "PUT", body });
    await expect(sent).rejects.toMatchObject({ code: "CONFLICT" });
  });
});
