/** `holdfast upload` by tus over a network that fails, stopped and begun again. Public surface only. */

import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { send } from "../acceptance/support/exchange.ts";
import { Place } from "../acceptance/support/place.ts";
import { type Cable, layCable } from "./support/cable.ts";

vi.setConfig({ testTimeout: 120_000 });

const command = resolve(import.meta.dirname, "../../dist/src/cli/holdfast.js");
const place = new Place();
const cache = join(place.folder, "cache");
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

function upload(...args: string[]) {
  const env = { ...process.env, NODE_ENV: "", HOLDFAST_TOKEN: "", XDG_CACHE_HOME: cache };
  const line = [
    command,
    "--server",
    cable.url,
    "upload",
    "value.bin",
    "Item.bytes",
    "itemId=1",
    "--json",
    ...args,
  ];
  const child = spawn(process.execPath, line, { cwd: place.folder, env });
  let err = "";
  child.stderr.on("data", (text: Buffer) => {
    err += text;
  });
  const ended = new Promise<{ code: number | null; err: string }>((done) =>
    child.once("close", (code) => done({ code, err })),
  );
  return { ended, kill: (signal: NodeJS.Signals) => child.kill(signal) };
}

/** Waits until so many bytes went through the cable. */
async function until(bytes: number): Promise<void> {
  while (cable.sent() < bytes) await sleep(5);
}

const remembered = () =>
  existsSync(join(cache, "holdfast/uploads")) ? readdirSync(join(cache, "holdfast/uploads")) : [];

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
    expect(await run.ended).toEqual({ code: 0, err: "" });
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
