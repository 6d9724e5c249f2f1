/** Values that are small as stored and large as told: they are unfolded in worker threads, and what is small stays here. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { createApart } from "../../src/codec/apart.ts";
import type { Apart } from "../../src/codec/apart-contract.ts";
import { readField } from "../../src/codec/chain.ts";
import type { JsonObject, StoredValue } from "../../src/codec/contract.ts";
import { loadCodecs } from "../../src/codec/load.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { defaultDecodeLimits } from "../../src/format/decode-limits.ts";

const real = createApart({ ...defaultDecodeLimits, heapBytes: 128 * 2 ** 20, timeMs: 20_000, threads: 1 });
afterAll(() => real.close());
let away = 0;
/** The threads of a service, counted. */
const apart: Apart = {
  ...real,
  run: (options) => {
    away += 1;
    return real.run(options);
  },
};
const registry = { ...createRegistry(await loadCodecs([`${import.meta.dirname}/../../codecs`])), apart };
const mebibyte = 2 ** 20;

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const v2 = (shape: number[], chunks: number[], more: object = {}) =>
  text({
    ...{ zarr_format: 2, shape, chunks, dtype: "|u1", compressor: { id: "zlib" }, fill_value: 0 },
    ...{ order: "C", filters: null },
    ...more,
  });
const gzip = { name: "gzip", configuration: { level: 6 } };
const v3 = (shape: number[], chunk: number[], codecs: unknown[]) =>
  text({
    ...{ zarr_format: 3, node_type: "array", shape, data_type: "uint8", fill_value: 0, codecs },
    chunk_grid: { name: "regular", configuration: { chunk_shape: chunk } },
    chunk_key_encoding: { name: "default" },
  });
const zeros = (size: number) => deflateSync(Buffer.alloc(size), { level: 9 });

/** A shard of `count` inner chunks of `size` zeros, all of them the same bytes. */
function shard(count: number, size: number): Uint8Array {
  const packed = gzipSync(Buffer.alloc(size), { level: 9 });
  const index = Buffer.alloc(count * 16);
  for (let i = 0; i < count; i++) index.writeBigUInt64LE(BigInt(packed.length), i * 16 + 8);
  return Buffer.concat([packed, index]);
}
const sharding = (chunk: number[]) => ({
  name: "sharding_indexed",
  configuration: { chunk_shape: chunk, codecs: [{ name: "bytes" }, gzip], index_codecs: [{ name: "bytes" }] },
});

async function ask(
  files: Readonly<Record<string, Uint8Array>>,
  asked: {
    readonly field?: string;
    readonly codec?: string;
    readonly args?: object;
    readonly meta?: JsonObject;
  } = {},
) {
  const { field = "values", codec = "zarr", args = {}, meta } = asked;
  const size = Object.values(files).reduce((sum, { length }) => sum + length, 0);
  expect(size).toBeLessThan(defaultDecodeLimits.apartBytes);
  const reads: string[] = [];
  const stored = storedValueOf(files);
  const value: StoredValue = {
    ...stored,
    meta: { is_dir: true, size, ...meta },
    async tree() {
      const tree = await stored.tree();
      const file = (path: string) => {
        reads.push(path);
        return tree.file(path);
      };
      return { ...tree, file };
    },
  };
  return { ...(await told(value, { codec, field, args })), reads };
}

async function told(
  value: StoredValue,
  asked: { readonly codec: string; readonly field: string; readonly args?: object },
) {
  const before = away;
  const context = { field: "Row.value", inlineLimitBytes: mebibyte };
  const question = { name: asked.field, value, args: { ...asked.args }, context };
  const answer = await readField(registry, { name: asked.codec, store: "s" }, question).catch(
    (error: unknown) => error,
  );
  return { answer, away: away - before };
}

const first = { slice: [{ start: 0, stop: 2 }] };

describe("a small folder that unfolds to much", () => {
  it.each([
    ["one chunk", { ".zarray": v2([16 * mebibyte], [16 * mebibyte]), "0": zeros(16 * mebibyte) }],
    ["a chunk far beyond its array", { ".zarray": v2([2], [16 * mebibyte]), "0": zeros(16 * mebibyte) }],
    ["many chunks", { ".zarray": v2([64 * mebibyte], [65_536]), "0": zeros(65_536) }],
    [
      "a shard of many chunks",
      {
        "zarr.json": v3([32 * mebibyte], [32 * mebibyte], [sharding([65_536])]),
        "c/0": shard(512, 65_536),
      },
    ],
  ])("%s: is unfolded in a thread, each document read once", async (_, files) => {
    const found = await ask(files, { args: first });
    expect(found).toMatchObject({ answer: [0, 0], away: 1 });
    const documents = found.reads.filter((path) => path.endsWith("zarr.json") || path.endsWith(".zarray"));
    expect(documents).toEqual([...new Set(documents)]);
    const inFolder = Object.fromEntries(
      Object.entries(files).map(([path, bytes]) => [`deep/${path}`, bytes]),
    );
    const asObject = await ask(inFolder, {
      codec: "object",
      field: "array",
      args: { ...first, path: "deep" },
    });
    expect(asObject).toMatchObject({ answer: { data: [0, 0] }, away: 1 });
  });

  it("is not believed when its row says that it is small", async () => {
    const files = { ".zarray": v2([2], [16 * mebibyte]), "0": zeros(16 * mebibyte) };
    const meta = { dtype: "uint8", shape: [2], chunks: [2], size: 10 };
    expect(await ask(files, { args: first, meta })).toMatchObject({ answer: [0, 0], away: 1 });
  });

  it("gives up in the thread where nothing is stored and all is to be counted", async () => {
    const files = { ".zarray": v2([2 ** 31 - 1, 2 ** 31 - 1], [8192, 8192]) };
    const { answer, away: threads } = await ask(files, { field: "statistics" });
    expect([answer, threads]).toEqual([expect.objectContaining({ code: "LIMIT_EXCEEDED" }), 1]);
    const bare = { ".zarray": v2([2 ** 31 - 1], [2 ** 31 - 1], { dtype: "|S0", fill_value: "" }) };
    const empty = await ask(bare);
    expect([empty.answer, empty.away]).toEqual([expect.objectContaining({ code: expect.any(String) }), 1]);
  });
});

describe("what is small", () => {
  const group = text({ zarr_format: 2 });
  const small = {
    ".zgroup": group,
    "a/.zarray": v2([4], [4]),
    "a/0": deflateSync(Buffer.from([1, 2, 3, 4])),
  };

  it("is told here, an array of a group too, and what is told by documents", async () => {
    expect(await ask(small, { args: { path: "a" } })).toMatchObject({ answer: [1, 2, 3, 4], away: 0 });
    expect(await ask(small, { field: "attributes", args: { path: "a" } })).toMatchObject({
      answer: {},
      away: 0,
    });
    expect(await ask(small, { codec: "object", field: "entries" })).toMatchObject({ away: 0 });
    const array = { codec: "object", field: "array", args: { path: "a" } };
    expect(await ask(small, array)).toMatchObject({ answer: { data: [1, 2, 3, 4] }, away: 0 });
  });

  it("is refused as ever when it is damaged or asked wrongly", async () => {
    const damaged = await ask({ ".zarray": text({ zarr_format: 2, shape: [-1] }) });
    expect(damaged.answer).toMatchObject({ code: "CODEC_CORRUPT" });
    const nowhere = await ask(small, { args: { path: "b" } });
    expect(nowhere.answer).toMatchObject({ code: "BAD_USER_INPUT" });
    const outside = await ask(small, { codec: "object", field: "array", args: { path: "../a" } });
    expect(outside.answer).toMatchObject({ code: "BAD_USER_INPUT" });
  });
});

describe("files", () => {
  // The use without a store: what the codec stands on would ask for a digest.
  const json = (bytes: Uint8Array, field: string) =>
    readField(
      registry,
      { name: "json" },
      {
        ...{ name: field, value: storedValueOf(bytes), args: {} },
        context: { field: "Row.value", inlineLimitBytes: mebibyte },
      },
    ).catch((error: unknown) => error);

  it("unfold JSON in a thread where it is long, whatever gzip says of its length", async () => {
    const long = gzipSync(JSON.stringify("a".repeat(4 * mebibyte)));
    const lying = Buffer.concat([long, gzipSync("")]);
    for (const bytes of [long, lying]) {
      const before = away;
      expect(await json(bytes, "kind")).toBe("string");
      expect(away - before).toBe(1);
    }
    const before = away;
    expect(await json(gzipSync(JSON.stringify({ a: "b".repeat(5000) })), "kind")).toBe("object");
    expect(await json(new TextEncoder().encode("[1]"), "value")).toEqual([1]);
    const damaged = gzipSync(JSON.stringify("a".repeat(mebibyte)), { level: 0 }).subarray(0, 3000);
    expect(await json(damaged, "kind")).toMatchObject({ code: "CODEC_CORRUPT" });
    expect(away - before).toBe(0);
  });

  it("unfold rows of tables in a thread, and tell their metadata here", async () => {
    const bytes = readFileSync(join(import.meta.dirname, "../fixtures/parquet/v2_zstd.parquet"));
    const value = storedValueOf(new Uint8Array(bytes), { size: bytes.length });
    expect(await told(value, { codec: "parquet", field: "format" })).toEqual({ answer: "parquet", away: 0 });
    const rows = await told(value, { codec: "parquet", field: "rows", args: { first: 1 } });
    expect([Array.isArray(rows.answer), rows.away]).toEqual([true, 1]);
  });
});
