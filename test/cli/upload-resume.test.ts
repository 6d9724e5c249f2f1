/** `holdfast upload` by tus over a network that fails, stopped and begun again. Public surface only. */

import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { send } from "../acceptance/support/exchange.ts";
import { Place } from "../acceptance/support/place.ts";
import { type Cable, layCable } from "./support/cable.ts";
import { Uploading } from "./support/uploading.ts";

vi.setConfig({ testTimeout: 120_000 });

const place = new Place();
const uploading = new Uploading(place);
const file = join(place.folder, "value.bin");
const sizeBytes = 100 * 2 ** 20;
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
beforeEach(() => writeFileSync(file, randomBytes(sizeBytes)));

const upload = (...args: string[]) =>
  uploading.run(cable.url, "value.bin", "Item.bytes", "itemId=1", "--json", ...args);

/** Waits until so many bytes went through the cable. */
async function until(bytes: number): Promise<void> {
  while (cable.sent() < bytes) await sleep(5);
}

const remembered = () => uploading.remembered();

async function isStored(): Promise<boolean> {
  const { item } = await place.get<{ item: { bytes: { url: string } } }>(
    "{ item(itemId: 1) { bytes { url } } }",
  );
  return sha256((await send(item.bytes.url)).bytes) === sha256(readFileSync(file));
}

describe("upload by tus", () => {
  it("survives a network that is away for a moment, without sending all again", async () => {
    const before = cable.sent();
    const run = upload();
    await until(before + 70 * 2 ** 20);
    await cable.cut();
    await sleep(300);
    await cable.mend();
    expect(await run.ended).toMatchObject({ code: 0, err: "" });
    expect(cable.sent() - before).toBeLessThan(sizeBytes + 48 * 2 ** 20);
    expect(place.service.log()).not.toMatch(/"method":"PUT","url":"\/uploads/);
    expect(await isStored()).toBe(true);
    expect(remembered()).toEqual([]);
  });

  it.each(["SIGINT", "SIGKILL"] as const)("goes on after %s where the server stands", async (signal) => {
    const before = cable.sent();
    const run = upload();
    await until(before + 70 * 2 ** 20);
    run.kill(signal);
    const { code, err } = await run.ended;
    if (signal === "SIGINT") expect([code, err]).toEqual([130, expect.stringContaining("holdfast --server")]);
    const between = cable.sent();
    expect((await upload().ended).code).toBe(0);
    expect(cable.sent() - between).toBeLessThan(sizeBytes - 30 * 2 ** 20);
    expect(await isStored()).toBe(true);
  });

  it("tells how to go on when the network stays away", async () => {
    const before = cable.sent();
    const run = upload();
    await until(before + 50 * 2 ** 20);
    await cable.cut();
    const { code, err } = await run.ended;
    await cable.mend();
    expect(code).toBe(6);
    expect(JSON.parse(err).error.remedy).toContain("Go on with: holdfast --server");
    expect((await upload().ended).code).toBe(0);
    expect(await isStored()).toBe(true);
  });

  it("takes a file that was changed meanwhile for another", async () => {
    const before = cable.sent();
    const run = upload();
    await until(before + 50 * 2 ** 20);
    run.kill("SIGKILL");
    await run.ended;
    writeFileSync(file, randomBytes(sizeBytes));
    expect((await upload().ended).code).toBe(0);
    expect(await isStored()).toBe(true);
  });
});
