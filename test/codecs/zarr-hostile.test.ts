import { readFileSync } from "node:fs";
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import object from "../../codecs/object.ts";
import zarr from "../../codecs/zarr.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { plainFolder, shardedFolder } from "./zarr-folders.ts";

type Files = Record<string, Uint8Array>;
type Document = Record<string, unknown>;

const context = { field: "x", args: {}, inlineLimitBytes: 2 ** 20 };
const encoding = { schema: "s", table: "t", field: "f", inStore: true, args: {} };
const text = (content: string) => Uint8Array.from(Buffer.from(content));
const json = (value: unknown) => text(JSON.stringify(value));

const ask = async (files: Files, name: string, args = {}) =>
  zarr.fields[name]?.read?.(storedValueOf(files), args, context);
const inspect = async (files: Files) =>
  zarr.upload?.inspect({ filename: "x.zarr", value: storedValueOf(files) }, encoding);

const v2 = {
  ...{ zarr_format: 2, shape: [4], chunks: [4], dtype: "<i4", fill_value: 0 },
  ...{ order: "C", filters: null, compressor: null },
};
const v3 = {
  ...{ zarr_format: 3, node_type: "array", shape: [4], data_type: "int32", fill_value: 0, attributes: {} },
  chunk_grid: { name: "regular", configuration: { chunk_shape: [4] } },
  chunk_key_encoding: { name: "default", configuration: { separator: "/" } },
  codecs: [{ name: "bytes", configuration: { endian: "little" } }],
};
const of2 = (more: Document, files: Files = {}): Files => ({ ".zarray": json({ ...v2, ...more }), ...files });
const of3 = (more: Document, files: Files = {}): Files => ({
  "zarr.json": json({ ...v3, ...more }),
  ...files,
});
const grid = (chunk_shape: unknown) => ({ chunk_grid: { name: "regular", configuration: { chunk_shape } } });
const shard = (configuration: Document) => ({ codecs: [{ name: "sharding_indexed", configuration }] });
const plain = [{ name: "bytes", configuration: { endian: "little" } }];

const metadata: [string, Files, RegExp][] = [
  ["a shape that is negative", of2({ shape: [-1] }), /shape is \[-1\]/],
  ["a shape that is no number", of3({ shape: ["4"] }), /shape is/],
  [
    "a shape of NaN",
    { ".zarray": text(JSON.stringify({ ...v2, shape: [4] }).replace("[4]", "[NaN]")) },
    /shape is/,
  ],
  [
    "a shape beyond 2^53",
    { ".zarray": text(JSON.stringify(v2).replace("[4]", "[99999999999999999999]")) },
    /shape is/,
  ],
  ["a fraction", of2({ chunks: [0.5] }), /chunks is/],
  ["too many axes", of2({ shape: new Array(65).fill(1), chunks: new Array(65).fill(1) }), /at most 64/],
  ["chunks without elements", of2({ chunks: [0] }), /hold nothing/],
  ["chunks of other axes", of3(grid([2, 2])), /axes/],
  ["no codecs", of3({ codecs: [] }), /makes bytes/],
  ["codecs without end", of3({ codecs: new Array(1000).fill({ name: "gzip" }) }), /at most 8 codecs/],
  ["an order that is none", of2({ order: "__proto__" }), /not C or F/],
  [
    "a transpose that is none",
    of3({ codecs: [{ name: "transpose", configuration: { order: [1] } }, ...plain] }),
    /transpose/,
  ],
  [
    "shards that are not whole",
    of3(shard({ chunk_shape: [3], codecs: plain, index_codecs: plain })),
    /no whole number/,
  ],
  ["a fill value of another type", of2({ fill_value: "seven" }), /is no int32/],
  ["a fill value out of range", of2({ fill_value: 2 ** 40 }), /is no int32/],
  ["a separator that leaves the folder", of2({ dimension_separator: "/../" }), /separated by/],
  ["an element type that is none", of2({ dtype: "<i3" }), /no element type/],
  ["a format that is none", of3({ zarr_format: 4 }), /zarr_format/],
  ["a node that is none", of3({ node_type: "link" }), /node_type/],
  ["attributes that are none", of3({ attributes: [] }), /attributes/],
  ["text that is no JSON", { "zarr.json": text("{") }, /no JSON/],
  ["a list", { "zarr.json": text("[]") }, /no JSON object/],
  ["bytes that are no text", { "zarr.json": Uint8Array.of(0xff, 0xfe) }, /UTF-8/],
  [
    "deep nesting",
    { "zarr.json": text(`{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`) },
    /deeper than 64/,
  ],
];

describe("metadata of an enemy", () => {
  it.each(metadata)("%s", async (_name, files, message) => {
    await expect(ask(files, "values")).rejects.toMatchObject({ code: "CODEC_CORRUPT" });
    await expect(ask(files, "values")).rejects.toThrow(message);
    await expect(inspect(files)).rejects.toMatchObject({ code: "CODEC_INVALID_VALUE" });
  });

  it.each([
    ["a chunk of 10^18 elements", of2({ shape: [1e9, 1e9], chunks: [1e9, 1e9] })],
    [
      "an inner chunk of 2 GB",
      of3({
        shape: [2e9],
        ...grid([2e9]),
        ...shard({ chunk_shape: [2e9], codecs: plain, index_codecs: plain }),
      }),
    ],
    ["an axis beyond what GraphQL counts", of2({ shape: [2 ** 31] })],
    ["a grid of 10^18 chunks", of2({ shape: [1e9, 1e9], chunks: [1, 1] })],
    ["a document of 17 MB", { "zarr.json": new Uint8Array(17 * 2 ** 20) }],
  ])("%s is beyond the limits", async (_name, files) => {
    await expect(ask(files, "values")).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    await expect(ask(files, "statistics")).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  });

  it("is looked at once, however its texts are made", async () => {
    // A pattern for texts takes hours for the first of these, and has no stack left for the last.
    const open = { "zarr.json": text(`{"${'\\"'.repeat(500_000)}`) };
    await expect(ask(open, "values")).rejects.toMatchObject({ code: "CODEC_CORRUPT" });
    const group = (attributes: string) => ({
      "zarr.json": text(`{"zarr_format":3,"node_type":"group","attributes":${attributes}}`),
    });
    const bare = group('{"a":[NaN,-Infinity,Infinity,{"NaN":"-Infinity \\" NaN"}]}');
    expect(await ask(bare, "attributes")).toEqual({
      a: ["NaN", "-Infinity", "Infinity", { NaN: '-Infinity " NaN' }],
    });
    for (const wrong of ["NaNN", "-NaN", "N", "Infinit", '"\\']) {
      await expect(ask(group(wrong), "attributes")).rejects.toMatchObject({ code: "CODEC_CORRUPT" });
    }
    const long = "x".repeat(12_000_000);
    expect(await ask(group(`{"long":"${long}"}`), "attributes")).toEqual({ long });
  });

  it("has keys that are no prototypes", async () => {
    const raw = `{"zarr_format":3,"node_type":"group","attributes":{"__proto__":{"polluted":1},"constructor":2,"n":12345678901234567890}}`;
    const attributes = (await ask({ "zarr.json": text(raw) }, "attributes")) as object;
    expect(JSON.stringify(attributes)).toBe(
      '{"__proto__":{"polluted":1},"constructor":2,"n":"12345678901234567890"}',
    );
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  it("leads nowhere out of the folder", async () => {
    const group: Files = {
      ".zgroup": json({ zarr_format: 2 }),
      ".zmetadata": json({ metadata: { "../../etc/.zarray": v2 } }),
    };
    await expect(ask(group, "arrays")).rejects.toThrow(/name an array/);
    for (const path of ["../x", "/x", "a/../b", "a//b", "a\\b", "."]) {
      await expect(ask(group, "values", { path })).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
    }
    await expect(ask(group, "values", { path: "a" })).rejects.toThrow(/no array or group/);
    await expect(ask(group, "values")).rejects.toThrow(/it is a group/);
  });

  it("names what is not read", async () => {
    const cases: [Files, RegExp][] = [
      [of3({ data_type: "string" }), /elements of type string/],
      [of2({ dtype: "|O" }), /elements of type object/],
      [of2({ filters: [{ id: "delta" }] }), /the filter delta/],
      [of2({ compressor: { id: "lzma" } }), /the compressor lzma/],
      [of3({ codecs: [...plain, { name: "pcodec" }] }), /the codec pcodec/],
      [of3({ storage_transformers: [{ name: "x" }] }), /storage transformers/],
    ];
    for (const [files, message] of cases) {
      await expect(ask(files, "values")).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
      await expect(ask(files, "values")).rejects.toThrow(message);
      expect(await inspect(files)).toMatchObject({ shape: [4] });
    }
  });
});

const zeros = new Uint8Array(64 * 2 ** 20);
const packed = (id: string, chunk: Uint8Array, more: Document = {}) =>
  of2({ compressor: { id }, ...more }, { "0": chunk });
const header = (bytes: number[], length: number) => Uint8Array.from({ length }, (_, i) => bytes[i] ?? 0);

const chunks: [string, Files][] = [
  ["a bomb of gzip", packed("gzip", gzipSync(zeros))],
  ["a bomb of zlib", packed("zlib", deflateSync(zeros))],
  ["a bomb of Zstandard", packed("zstd", zstdCompressSync(zeros))],
  ["lz4 that announces 4 GB", packed("lz4", header([0xff, 0xff, 0xff, 0xff], 20))],
  [
    "blosc that announces 4 GB",
    packed("blosc", header([2, 1, 0x21, 4, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0, 32], 32)),
  ],
  [
    "blosc whose blocks lie elsewhere",
    packed("blosc", header([2, 1, 0x21, 4, 16, 0, 0, 0, 16, 0, 0, 0, 32, 0, 0, 0, 0xff, 0xff], 32)),
  ],
  ["blosc that is cut", packed("blosc", header([2, 1, 0x21, 4], 4))],
  ["too few bytes", packed("gzip", gzipSync(new Uint8Array(3)))],
  ["too many bytes", packed("gzip", gzipSync(new Uint8Array(17)))],
  ["a plain chunk of another size", of2({}, { "0": new Uint8Array(15) })],
  ["a chunk of a great many bytes", of2({}, { "0": new Uint8Array(2 ** 20) })],
  ["next to nothing for 64 MB", packed("zstd", new Uint8Array(9), { shape: [2 ** 24], chunks: [2 ** 24] })],
  ["a wrong checksum", of3({ codecs: [...plain, { name: "crc32c" }] }, { "c/0": new Uint8Array(20) })],
  ["a shard without an index", { ...shardedFolder([4], [2], [4]), "c/0": new Uint8Array(3) }],
];

describe("chunks of an enemy", () => {
  it.each(chunks)("%s", async (_name, files) => {
    const before = process.memoryUsage().arrayBuffers;
    const slice = [{ start: 0, stop: 4 }];
    await expect(ask(files, "values", { slice })).rejects.toMatchObject({ code: "CODEC_CORRUPT" });
    await expect(ask(files, "statistics")).rejects.toMatchObject({ code: "CODEC_CORRUPT" });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 2 ** 20);
  });

  it("of a shard lie inside of it", async () => {
    const files = shardedFolder([4], [2], [4]);
    const bytes = Buffer.from(files["c/0"] ?? []);
    // Without its checksum, so that the offsets alone are wrong.
    const document = JSON.parse(Buffer.from(files["zarr.json"] ?? []).toString());
    document.codecs[0].configuration.index_codecs.pop();
    const broken = Buffer.from(bytes.subarray(0, -4));
    broken.writeBigUInt64LE(1n << 40n, broken.length - 32);
    await expect(ask({ "zarr.json": json(document), "c/0": broken }, "values")).rejects.toThrow(
      /outside of its shard/,
    );
    broken.writeBigUInt64LE(0n, broken.length - 32);
    expect(await ask({ "zarr.json": json(document), "c/0": broken }, "values")).toEqual([0, 1, 2, 3]);
  });

  it("of Blosc that are damaged are told, and give nothing of other chunks", async () => {
    const cases: { name: string; files: Record<string, string> }[] = JSON.parse(
      readFileSync(`${import.meta.dirname}/../fixtures/zarr/cases.json`, "utf8"),
    );
    const blocks = cases.filter(({ name }) => /blosc (lz4|zlib|zstd) of .*in blocks/.test(name));
    expect(blocks.length).toBeGreaterThan(6);
    for (const { files } of blocks) {
      const whole = Object.fromEntries(
        Object.entries(files).map(([path, packed]) => [path, Uint8Array.from(Buffer.from(packed, "base64"))]),
      );
      const chunk = whole["0"] ?? new Uint8Array();
      chunk.fill(0xff, chunk.length - 40, chunk.length - 10);
      await expect(ask(whole, "base64")).rejects.toMatchObject({ code: "CODEC_CORRUPT" });
    }
  });

  it("are looked at when they are uploaded, by their sizes", async () => {
    const files = plainFolder([4, 4], [2, 2]);
    expect(await inspect(files)).toMatchObject({ dtype: "int32", shape: [4, 4] });
    await expect(inspect({ ...files, "0.1": new Uint8Array(3) })).rejects.toThrow(/0\.1 has 3 bytes/);
    // Beyond the grid, and no chunk: let be.
    const more = { ...files, "7.7": new Uint8Array(3), "notes.txt": new Uint8Array(3) };
    expect(await inspect(more)).toMatchObject({ shape: [4, 4] });
    await expect(inspect({ "notes.txt": new Uint8Array(3) })).rejects.toThrow(/no zarr\.json/);
    await expect(inspect({ ...shardedFolder([4], [2], [4]), "c/0": new Uint8Array(3) })).rejects.toThrow(
      /its index/,
    );
  });

  it("that are not there are counted between other work, until the caller has gone", async () => {
    // For a million chunks of 2^25 elements each nobody waits.
    const files = of2({ shape: [2 ** 31 - 1, 2 ** 19], chunks: [2 ** 25, 2 ** 0], dtype: "<i2" });
    const gone = new AbortController();
    const asked = { ...context, signal: gone.signal };
    const slice = [{}, { start: 0, stop: 1000 }];
    const counting = zarr.fields["statistics"]?.read?.(storedValueOf(files), { slice }, asked);
    setTimeout(() => gone.abort(), 20);
    await expect(counting).rejects.toThrow(/aborted/);
  });

  it("that are not there hold the fill value, and a folder that is not there is missing", async () => {
    expect(await ask(of2({ fill_value: 7 }), "values")).toEqual([7, 7, 7, 7]);
    await expect(ask({}, "values")).rejects.toMatchObject({ code: "CODEC_CORRUPT" });
  });
});

describe("the codec object", () => {
  const read = (files: Files, path: string) =>
    object.fields["array"]?.read?.(storedValueOf(files, { is_dir: true }), { path }, context);

  it("reads Zarr arrays in folders, and says what it does not read", async () => {
    const inside = Object.entries(plainFolder([2], [2])).map(([path, bytes]) => [
      `deep/x.zarr/${path}`,
      bytes,
    ]);
    const files: Files = {
      ...Object.fromEntries(inside),
      "deep/.zgroup": json({ zarr_format: 2 }),
      "a.h5": text("x"),
    };
    expect(await read(files, "deep/x.zarr")).toEqual({ dtype: "int32", shape: [2], data: [0, 1] });
    expect(await read(files, "deep/y.zarr")).toBeNull();
    await expect(read(files, "a.h5")).rejects.toThrow(/only \.npy files and Zarr arrays/);
    await expect(read(files, "deep")).rejects.toThrow(/a Zarr group/);
    await expect(read(files, "../x")).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  });
});
