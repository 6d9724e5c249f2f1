/** Values of one codec as values of another, in memory. */

import { describe, expect, it } from "vitest";
import { type ChainUse, decodeChain, unwrapChain } from "../../src/codec/chain.ts";
import type { StoredValue } from "../../src/codec/contract.ts";
import { encodeChain } from "../../src/codec/encode-chain.ts";
import { loadCodecs } from "../../src/codec/load.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { type Conversion, conversionOf, convert, sumOf } from "../../src/migrate/conversion.ts";

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

function storedOf(
  body: Uint8Array,
  files: readonly { readonly path: string; readonly bytes: Uint8Array }[] | undefined,
): StoredValue {
  if (files === undefined) return storedValueOf(body);
  return storedValueOf(Object.fromEntries(files.map(({ path, bytes }) => [path, bytes])));
}

function way(from: ChainUse, to: ChainUse): Conversion {
  const found = conversionOf(registry, from, to);
  if (found === undefined) throw new Error(`no way from ${from.name} to ${to.name}`);
  return found;
}

async function move(from: ChainUse, to: ChainUse, input: Record<string, unknown>): Promise<StoredValue> {
  const value = await encoded(from, input);
  const conversion = way(from, to);
  const { body, files } = await convert(registry, conversion, { value, context });
  const written = storedOf(await collected(body), files);
  const sum = (use: ChainUse, one: StoredValue) => sumOf(registry, conversion, { use, value: one, context });
  expect(await sum(to, written)).toBe(await sum(from, value));
  return written;
}

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
