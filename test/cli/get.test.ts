/** `holdfast get` of large values over a network that fails, stopped and begun again. Public surface only. */

import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createUpload, put } from "../acceptance/support/exchange.ts";
import { Place } from "../acceptance/support/place.ts";
import { type Cable, layCable } from "./support/cable.ts";

vi.setConfig({ testTimeout: 60_000 });

const command = resolve(import.meta.dirname, "../../dist/src/cli/holdfast.js");
const place = new Place();
const sizeBytes = 56 * 2 ** 20;
const values = [randomBytes(sizeBytes), randomBytes(sizeBytes)];
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
let cable: Cable;
let folder: string;
let runs = 0;

beforeAll(async () => {
  await place.start();
  cable = await layCable(place.url);
  const tree = await createUpload(place, "tree", { kind: "TREE", filename: "movie.zarr" });
  for (const [path, body] of Object.entries(files)) {
    const at = path.split("/").map(encodeURIComponent).join("/");
    expect((await put(`${tree.url}/${at}`, body)).status).toBe(201);
  }
  await place.get("mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id: tree.id });
  const bytes = await upload(0);
  await place.get("mutation ($input: CreateItemInput!) { createItem(input: $input) { item { itemId } } }", {
    input: { itemId: 1, pictures: [], bytes: { upload: bytes }, tree: { upload: tree.id } },
  });
});
afterAll(async () => {
  await cable.cut();
  await place.close();
});
beforeEach(() => {
  cable.holdAt(Number.POSITIVE_INFINITY);
  runs += 1;
  folder = join(place.folder, `run${runs}`);
  mkdirSync(folder);
});

const big = randomBytes(20 * 2 ** 20);
const files: Readonly<Record<string, Buffer>> = {
  "zarr.json": Buffer.from("{}"),
  "c/0": Buffer.from("chunk"),
  "c/0.part": Buffer.from("a name as ours"),
  "c/empty": Buffer.alloc(0),
  "c/é %41?.bin": Buffer.from("odd"),
  "big.bin": big,
};

async function upload(index: number): Promise<string> {
  const made = await createUpload(place, "bytes");
  expect((await put(made.url, values[index] ?? "")).status).toBe(201);
  return made.id;
}

interface Run {
  readonly ended: Promise<{ code: number | null; out: string; err: string }>;
  kill(signal: NodeJS.Signals): void;
}

/** The built command, through the cable. */
function begin(...args: string[]): Run {
  const env = { ...process.env, NODE_ENV: "", HOLDFAST_TOKEN: "" };
  const child = spawn(process.execPath, [command, "--server", cable.url, "get", ...args], {
    cwd: folder,
    env,
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (text: Buffer) => {
    out += text;
  });
  child.stderr.on("data", (text: Buffer) => {
    err += text;
  });
  const ended = new Promise<{ code: number | null; out: string; err: string }>((done) =>
    child.once("close", (code) => done({ code, out, err })),
  );
  return { ended, kill: (signal) => child.kill(signal) };
}

const get = (...args: string[]) => begin("Item.bytes", "itemId=1", ...args);
const got = () => readFileSync(join(folder, "a.bin"));

/** Bytes that the record of an unfinished file tells of. */
function recorded(path = "a.bin.part.json"): number {
  try {
    const { done } = JSON.parse(readFileSync(join(folder, path), "utf8")) as { done: [number, number][] };
    return done.reduce((sum, [start, end]) => sum + end - start, 0);
  } catch {
    return 0;
  }
}

/** Runs until much of the value has arrived, then the cable gives nothing more. */
async function beginHeld(...args: string[]): Promise<Run> {
  // More than two pieces of 16 MiB have when neither is whole: one is, whichever way the line is shared.
  const limit = cable.received() + 36 * 2 ** 20;
  cable.holdAt(limit);
  const run = get("-o", "a.bin", "--parallel", "2", ...args);
  while (cable.received() < limit) await sleep(20);
  return run;
}

describe("a value of 56 MiB", () => {
  it("comes in pieces, whole and checked, and leaves nothing beside it", async () => {
    const { code, out, err } = await get("-o", "a.bin", "--json").ended;
    expect([code, err]).toEqual([0, ""]);
    const value = values[0] ?? Buffer.alloc(0);
    expect(got().equals(value)).toBe(true);
    expect(JSON.parse(out)).toEqual([
      { path: "a.bin", bytes: sizeBytes, sha256: sha256(value), etag: `"sha256:${sha256(value)}"` },
    ]);
    expect(readdirSync(folder)).toEqual(["a.bin"]);
    expect((await get("-o", "a.bin", "--json").ended).code).toBe(4);
    expect((await get("-o", ".", "--json").ended).code).toBe(0);
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it("is gone on with after Ctrl-C, by the command that was told", async () => {
    const run = await beginHeld();
    run.kill("SIGINT");
    const { code, err } = await run.ended;
    expect(code).toBe(130);
    expect(err).toContain(`go on with: holdfast --server ${cable.url} get Item.bytes itemId=1 -o a.bin`);
    expect(readdirSync(folder).sort()).toEqual(["a.bin.part", "a.bin.part.json"]);
    const done = recorded();
    expect(done).toBeGreaterThan(2 * 2 ** 20);
    cable.holdAt(Number.POSITIVE_INFINITY);
    const before = cable.received();
    expect((await get("-o", "a.bin").ended).code).toBe(0);
    // What had arrived does not come again; the rest is headers.
    expect(cable.received() - before).toBeLessThan(sizeBytes - done + 2 ** 20);
    expect(got().equals(values[0] ?? Buffer.alloc(0))).toBe(true);
    expect(readdirSync(folder)).toEqual(["a.bin"]);
  });

  it("is gone on with after kill -9; another run meanwhile is refused", async () => {
    const run = await beginHeld();
    while (recorded() === 0) await sleep(20);
    const second = await get("-o", "a.bin", "--json").ended;
    expect([second.code, JSON.parse(second.err).error.code]).toEqual([4, "CONFLICT"]);
    run.kill("SIGKILL");
    await run.ended;
    cable.holdAt(Number.POSITIVE_INFINITY);
    const [before, done] = [cable.received(), recorded()];
    expect((await get("-o", "a.bin").ended).code).toBe(0);
    expect(cable.received() - before).toBeLessThan(sizeBytes - done + 2 ** 20);
    expect(got().equals(values[0] ?? Buffer.alloc(0))).toBe(true);
  });

  it("survives a network that is away for a moment, and tells how to go on when it stays away", async () => {
    const run = await beginHeld();
    await cable.cut();
    await sleep(300);
    cable.holdAt(Number.POSITIVE_INFINITY);
    await cable.mend();
    expect((await run.ended).code).toBe(0);
    expect(got().equals(values[0] ?? Buffer.alloc(0))).toBe(true);
    const other = await beginHeld("--force", "--json");
    await cable.cut();
    const { code, err } = await other.ended;
    await cable.mend();
    expect(code).toBe(6);
    expect(JSON.parse(err).error).toMatchObject({
      code: "SERVER_UNAVAILABLE",
      remedy: expect.stringContaining("Go on with: holdfast --server"),
    });
    expect(recorded()).toBeGreaterThan(0);
  });

  it("that was damaged here is not taken for whole", async () => {
    const run = await beginHeld();
    run.kill("SIGINT");
    await run.ended;
    cable.holdAt(Number.POSITIVE_INFINITY);
    const [span = [0, 0]] = JSON.parse(readFileSync(join(folder, "a.bin.part.json"), "utf8"))
      .done as number[][];
    const file = openSync(join(folder, "a.bin.part"), "r+");
    const was = (values[0] ?? Buffer.alloc(0))[(span[0] ?? 0) + 5] ?? 0;
    writeSync(file, Buffer.from([was ^ 1]), 0, 1, (span[0] ?? 0) + 5);
    closeSync(file);
    const { code, err } = await get("-o", "a.bin", "--json").ended;
    expect([code, JSON.parse(err).error.code]).toEqual([5, "OBJECT_CORRUPT"]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("never mixes the bytes of two values", async () => {
    const run = await beginHeld();
    run.kill("SIGINT");
    await run.ended;
    cable.holdAt(Number.POSITIVE_INFINITY);
    const id = await upload(1);
    await place.get(
      "mutation ($id: ID!) { updateItem(key: {itemId: 1}, set: {bytes: {upload: $id}}) { affected { count } } }",
      { id },
    );
    expect((await get("-o", "a.bin").ended).code).toBe(0);
    expect(sha256(got())).toBe(sha256(values[1] ?? Buffer.alloc(0)));
  });

  it("is begun anew with --no-resume", async () => {
    const run = await beginHeld();
    run.kill("SIGINT");
    await run.ended;
    cable.holdAt(Number.POSITIVE_INFINITY);
    const before = cable.received();
    expect((await get("-o", "a.bin", "--no-resume", "--parallel", "1").ended).code).toBe(0);
    expect(cable.received() - before).toBeGreaterThan(sizeBytes);
    expect(sha256(got())).toBe(sha256(values[1] ?? Buffer.alloc(0)));
    expect((await get("-o", "b.bin", "--parallel", "0", "--json").ended).code).toBe(2);
  });

  it("goes to standard output as one stream", async () => {
    const env = { ...process.env, NODE_ENV: "" };
    const args = [command, "--server", cable.url, "get", "Item.bytes", "itemId=1", "-o", "-"];
    const child = spawn(process.execPath, args, { cwd: folder, env });
    const hash = createHash("sha256");
    for await (const chunk of child.stdout) hash.update(chunk);
    expect(hash.digest("hex")).toBe(sha256(values[1] ?? Buffer.alloc(0)));
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("a file of the user's own", () => {
  it("comes in one answer, because it may change at any time", async () => {
    const own = randomBytes(20 * 2 ** 20);
    mkdirSync(join(place.store, "raw"), { recursive: true });
    writeFileSync(join(place.store, "raw/own.bin"), own);
    await place.get(
      'mutation { updateItem(key: {itemId: 1}, set: {own: {path: "raw/own.bin"}}) { affected { count } } }',
    );
    const { code, out } = await begin("Item.own", "itemId=1", "-o", "own.bin", "--json").ended;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual([{ path: "own.bin", bytes: own.length }]);
    expect(sha256(readFileSync(join(folder, "own.bin")))).toBe(sha256(own));
    expect(readdirSync(folder)).toEqual(["own.bin"]);
  });
});

describe("a folder", () => {
  const fetched = () =>
    Object.fromEntries(
      readdirSync(join(folder, "movie"), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => [path.slice(join(folder, "movie").length + 1), sha256(readFileSync(path))]),
    );
  const expected = Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, sha256(bytes)]));
  const getTree = (...args: string[]) => begin("Item.tree", "itemId=1", "-o", "movie", ...args);

  it("comes whole, whatever its files are called", async () => {
    const { code, out } = await getTree("--json").ended;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toHaveLength(6);
    expect(fetched()).toEqual(expected);
    expect(readdirSync(folder)).toEqual(["movie"]);
    expect((await getTree("--json").ended).code).toBe(4);
    expect((await getTree("--force").ended).code).toBe(0);
    expect(fetched()).toEqual(expected);
    expect(readdirSync(folder)).toEqual(["movie"]);
  });

  it("is not there before it is whole, and is gone on with", async () => {
    const limit = cable.received() + 12 * 2 ** 20;
    cable.holdAt(limit);
    const run = getTree();
    while (cable.received() < limit) await sleep(20);
    run.kill("SIGINT");
    const { code, err } = await run.ended;
    expect([code, err]).toEqual([130, expect.stringContaining("go on with: holdfast")]);
    expect(existsSync(join(folder, "movie"))).toBe(false);
    cable.holdAt(Number.POSITIVE_INFINITY);
    const before = cable.received();
    expect((await getTree().ended).code).toBe(0);
    expect(cable.received() - before).toBeLessThan(19 * 2 ** 20);
    expect(fetched()).toEqual(expected);
    expect(readdirSync(folder)).toEqual(["movie"]);
  });
});
