/** Values of one codec as values of another, in memory. */

import { describe, expect, it } from "vitest";
import { type ChainUse, decodeChain, readField, unwrapChain } from "../../src/codec/chain.ts";
import type { StoredValue } from "../../src/codec/contract.ts";
import { encodeChain } from "../../src/codec/encode-chain.ts";
import { loadCodecs } from "../../src/codec/load.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { canonicalJson, parseJson } from "../../src/format/json-text.ts";
import {
  type Conversion,
  type Converted,
  conversionOf,
  convert,
  sumOf,
} from "../../src/migrate/conversion.ts";

const registry = createRegistry(await loadCodecs([`${import.meta.dirname}/../../codecs`]));
const context = { schema: "lab", table: "t", field: "T.value" };

async function collected(body: Uint8Array | (() => AsyncIterable<Uint8Array>)): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function encoded(use: ChainUse, input: Record<string, unknown>): Promise<StoredValue> {
  const { body, files } = await encodeChain(registry, use, { input, context });
  return storedOf(await collected(body), files);
}

async function storedOf(body: Uint8Array, files: Converted["files"]): Promise<StoredValue> {
  if (files === undefined) return storedValueOf(body);
  const found: Record<string, Uint8Array> = {};
  for (const file of files) found[file.path] = "bytes" in file ? file.bytes : await collected(file.body);
  return storedValueOf(found, { is_dir: true });
}

function way(from: ChainUse, to: ChainUse): Conversion {
  const found = conversionOf(registry, from, to);
  if (found === undefined) throw new Error(`no way from ${from.name} to ${to.name}`);
  return found;
}

async function move(from: ChainUse, to: ChainUse, input: Record<string, unknown>): Promise<StoredValue> {
  return moveValue(from, to, await encoded(from, input));
}

async function moveValue(from: ChainUse, to: ChainUse, value: StoredValue): Promise<StoredValue> {
  const conversion = way(from, to);
  const { body, files, sum: told } = await convert(registry, conversion, { value, context });
  const written = await storedOf(await collected(body), files);
  const sum = (use: ChainUse, one: StoredValue) => sumOf(registry, conversion, { use, value: one, context });
  expect(await sum(to, written)).toBe(await sum(from, value));
  // What was read to be written need not be read again.
  expect(told()).toBe(await sum(from, value));
  return written;
}

/** Names in one order. */
const sorted = (text: string): string => canonicalJson(parseJson(text, (message) => new Error(message)));

const values = (dtype: string, shape: number[], data: unknown) => ({ values: { dtype, shape, data } });
const array = (dtype: string, shape: number[], data: unknown) => ({ array: { dtype, shape, data } });
const [blob, blobAt] = [{ name: "blob" }, { name: "blob", store: "main" }];
const [npy, zarr] = [
  { name: "npy", store: "main" },
  { name: "zarr", store: "main" },
];

describe("arrays", () => {
  const shapes: readonly [string, number[], unknown][] = [
    ["float64", [2, 3], [1.5, -0, 2, 3, 1e300, 5]],
    ["int16", [0, 4], []],
    ["uint8", [], 7],
    ["bool", [2], [true, false]],
    ["datetime64[ms]", [2], ["2020-01-01T00:00:00.000", "NaT"]],
  ];
  it.each(shapes)("%s %j goes from blob to npy to blob", async (dtype, shape, data) => {
    const written = await move(blob, npy, array(dtype, shape, data));
    const decode = (use: ChainUse, value: StoredValue) =>
      decodeChain(registry, use, { value, context: { field: "x", inlineLimitBytes: 2 ** 20 } });
    expect(await decode(npy, written)).toMatchObject({ shape });
    expect(await decode(blobAt, await move(npy, blobAt, values(dtype, shape, data)))).toMatchObject({
      t: "ndarray",
      array: { shape },
    });
  });

  it("goes from npy to zarr and back", async () => {
    await move(npy, zarr, values("float32", [3, 2], [1, 2, 3, 4, 5, 6]));
    await move(zarr, npy, values("int64", [2], ["9007199254740993", "-1"]));
  });

  it("is told where a blob holds none", async () => {
    const failure = move(blob, npy, { json: { a: 1 } });
    await expect(failure).rejects.toMatchObject({
      code: "CODEC_INVALID_VALUE",
      details: { field: "T.value" },
    });
  });
});

describe("JSON", () => {
  const json: ChainUse = { name: "json" };
  const rawOf = async (value: StoredValue) =>
    readField(registry, json, {
      ...{ name: "raw", value, args: {} },
      context: { field: "x", inlineLimitBytes: 2 ** 20 },
    });
  const taggedOf = async (value: StoredValue) =>
    readField(registry, blob, {
      ...{ name: "tagged", value, args: {} },
      context: { field: "x", inlineLimitBytes: 2 ** 20 },
    });

  it.each([
    ["null", "null"],
    ['{"b":[1,-2,true,null,"ä\\u0000"],"a":{"__proto__":{},"":0}}', undefined],
    ["[0.5,1e-7,1E+22,-0,1.0,1.50]", "[0.5,1e-07,1e+22,-0.0,1.0,1.5]"],
    ["123456789012345678901234567890", undefined],
    [
      "[0.10000000000000000555,1e400,-12345678901234567.5]",
      "[10000000000000000555E-20,1E+400,-123456789012345675E-1]",
    ],
  ])("%s goes to a blob and back, with every digit", async (raw, told = raw) => {
    const written = await move(json, blob, { raw });
    const back = await moveValue(blob, { name: "json", store: "main" }, written);
    expect(sorted(String(await rawOf(back)))).toBe(sorted(told));
  });

  it("is what Python would have made of it", async () => {
    expect(
      await taggedOf(await move(json, blob, { raw: '{"a": [1, 1.0, "x", 0.10000000000000000555]}' })),
    ).toEqual({
      t: "dict",
      items: [
        [
          { t: "str", v: "a" },
          {
            t: "list",
            items: [
              { t: "int", v: "1" },
              { t: "float", v: "1.0", bits: expect.any(String) },
              { t: "str", v: "x" },
              { t: "decimal", v: "10000000000000000555E-20" },
            ],
          },
        ],
      ],
    });
  });

  it.each([
    ["a tuple", { t: "tuple", items: [] }],
    ["bytes", { t: "bytes", size: 1, hex: "00" }],
    ["NaN", { t: "float", v: "nan" }],
    ["a Decimal that a float would carry", { t: "decimal", v: "1.5" }],
    ["a key that is no text", { t: "dict", items: [[{ t: "int", v: "1" }, { t: "null" }]] }],
    ["a date deep within", { t: "list", items: [{ t: "list", items: [{ t: "date", v: "2020-01-01" }] }] }],
  ])("is told where a blob is none: %s", async (_, tagged) => {
    const failure = move(blob, json, { tagged });
    await expect(failure).rejects.toMatchObject({
      code: "CODEC_INVALID_VALUE",
      details: { field: "T.value", remedy: expect.stringContaining("migrate") },
    });
  });

  it("takes arrays as arrays where both can", () => {
    expect([way(blob, json).kind, way(json, blobAt).kind, way(blob, npy).kind]).toEqual([
      "json",
      "json",
      "array",
    ]);
  });
});

describe("folders", () => {
  const object = { name: "object", store: "main" };
  const objectAt = { name: "object", store: "cold" };
  const bytesIn = async (value: StoredValue) => {
    const tree = await value.tree();
    const found: Record<string, string> = {};
    for await (const { path, sizeBytes } of tree.entries()) {
      const reader = await tree.file(path);
      found[path] = Buffer.from((await reader?.read(0, sizeBytes)) ?? []).toString("hex");
    }
    return found;
  };
  const folder = async (meta: object = {}) => {
    const { files = [] } = await encodeChain(registry, zarr, {
      ...{ input: values("int16", [4], [1, 2, 3, 4]), context },
    });
    const found = Object.fromEntries(files.map(({ path, bytes }) => [path, bytes]));
    return storedValueOf({ ...found, "notes/ä.txt": new Uint8Array() }, { is_dir: true, ...meta });
  };

  it.each([
    [zarr, object],
    [object, zarr],
    [object, objectAt],
    [zarr, { name: "zarr", store: "cold" }],
  ])("go from %j to %j file by file", async (from, to) => {
    const value = await folder();
    expect(await bytesIn(await moveValue(from, to, value))).toEqual(await bytesIn(value));
  });

  it("are told where the new codec keeps files, and files where it keeps folders", async () => {
    const files = way(object, { name: "attach", store: "main" });
    await expect(convert(registry, files, { value: await folder(), context })).rejects.toMatchObject({
      code: "CODEC_INVALID_VALUE",
      message: expect.stringContaining("a folder"),
    });
    const value = storedValueOf(new Uint8Array(3), { size: 3 });
    await expect(convert(registry, way(object, zarr), { value, context })).rejects.toMatchObject({
      code: "CODEC_INVALID_VALUE",
      message: expect.stringContaining("is a file"),
    });
  });

  it("are not taken over when they have lost a file", async () => {
    const value = await folder({ item_count: 9 });
    await expect(convert(registry, way(object, objectAt), { value, context })).rejects.toMatchObject({
      code: "OBJECT_CORRUPT",
      message: expect.stringContaining("its row tells of 9 files"),
    });
  });

  it("are told from others by every byte and path", async () => {
    const sum = (files: Record<string, Uint8Array>) =>
      sumOf(registry, way(object, objectAt), {
        ...{ use: object, context, value: storedValueOf(files, { is_dir: true }) },
      });
    const [one, two] = [new Uint8Array([1]), new Uint8Array([2])];
    const sums = await Promise.all(
      [{ a: one }, { a: two }, { b: one }, { a: one, b: one }, { a: one, b: two }].map(sum),
    );
    expect(new Set(sums).size).toBe(5);
  });
});

describe("files", () => {
  const file = { base64: { name: "a b.txt", content: Buffer.from("grüße").toString("base64") } };
  it.each(["object", "text", "hash"])("goes from attach to %s with its content alone", async (name) => {
    const written = await move({ name: "attach" }, { name, store: "main" }, file);
    const reader = await unwrapChain(registry, { name, store: "main" }, written).bytes();
    expect(Buffer.from(await reader.read(0, reader.sizeBytes)).toString()).toBe("grüße");
  });

  it.each([
    [blob, blobAt, { json: [1, "x"] }],
    [{ name: "attach" }, { name: "attach", store: "main" }, file],
    [{ name: "text", store: "main" }, { name: "text" }, { text: "x" }],
    [{ name: "json" }, { name: "json", store: "main" }, { json: { deep: [1, 2] } }],
  ])("keeps each byte where the codec stays: %j", async (from, to, input) => {
    const value = await encoded(from, input);
    const written = await move(from, to, input);
    const bytesOf = async (use: ChainUse, one: StoredValue) => {
      const reader = await unwrapChain(registry, use, one).bytes();
      return Buffer.from(await reader.read(0, reader.sizeBytes)).toString("hex");
    };
    expect(await bytesOf(to, written)).toBe(await bytesOf(from, value));
  });

  it.each([
    [blob, { name: "attach", store: "main" }],
    [
      { name: "json", store: "main" },
      { name: "image", store: "main" },
    ],
    [
      { name: "attach", store: "main" },
      { name: "filepath", store: "main" },
    ],
  ])("there is no way from %j to %j", (from, to) => {
    expect(conversionOf(registry, from, to)).toBeUndefined();
  });
});
