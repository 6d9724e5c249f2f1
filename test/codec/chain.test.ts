import { describe, expect, it } from "vitest";
import hash from "../../codecs/hash.ts";
import npy from "../../codecs/npy.ts";
import * as chain from "../../src/codec/chain.ts";
import { type Codec, defineCodec } from "../../src/codec/contract.ts";
import { encodeChain } from "../../src/codec/encode-chain.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { createRegistry } from "../../src/codec/registry.ts";

/** Text with a first byte that counts its words; stands on hash in a store. */
const words: Codec = defineCodec({
  name: "words",
  version: 1,
  summary: "Text and its number of words.",
  chain: { row: "bytes", store: "<hash>" },
  output: "Words",
  input: "WordsInput",
  typeDefs: "input WordsInput @oneOf { text: String }",
  fields: {
    count: {
      type: "Int",
      description: "Words.",
      sql: { row: (c) => `get_byte(${c}, 0)`, store: (c) => `(${c}->>'count')::int` },
      read: async (value) => (await (await value.bytes()).read(0, 1))[0] ?? null,
    },
  },
  validate({ text }) {
    if (text === "") throw new Error("no words");
  },
  encode({ text }) {
    const count = String(text).split(" ").length;
    return {
      body: Buffer.from([count, ...Buffer.from(String(text))]),
      ext: ".words",
      meta: { count, size: -1 },
    };
  },
  async decode(value) {
    const reader = await value.bytes();
    return Buffer.from(await reader.read(0, reader.sizeBytes))
      .subarray(1)
      .toString();
  },
});

const codecs = createRegistry([hash, npy, words]);
const context = { schema: "lab", table: "t", field: "note" };
const decoding = { field: "note", inlineLimitBytes: 1000 };
const inStore = { name: "words", store: "main" };
const object = {
  ...{ store: "main", path: "_hash/lab/abc", schema: "lab", sizeBytes: 8, sha256: "ab" },
  ...{ hash: "so4illp6xxxxxxxxxxxxxxxxxx", isTree: false, writtenAt: new Date(0) },
};

describe("chains", () => {
  it("leads from the outer codec to the core type", () => {
    expect(chain.chainOf(codecs, inStore).codecs.map((codec) => codec.name)).toEqual(["words", "hash"]);
    expect(chain.chainOf(codecs, inStore)).toMatchObject({ ends: "json", addressing: "hash" });
    expect(chain.chainOf(codecs, { name: "words" })).toMatchObject({ ends: "bytes", addressing: undefined });
    expect(chain.addressingOf(codecs, { name: "npy", store: "main" })).toBe("schema");
  });

  it("refuses a codec without its store, naming the remedy", () => {
    expect(() => chain.chainOf(codecs, { name: "npy" })).toThrow('@codec(name: "npy", store: "default")');
  });

  it("encodes outermost first and keeps the metadata of each", async () => {
    const encoded = await encodeChain(codecs, inStore, { input: { text: "two words" }, context });
    expect(encoded).toMatchObject({ ext: ".words", meta: { count: 2 } });
    const meta = chain.metadataOf(codecs, inStore, { object, meta: encoded.meta });
    expect(meta).toEqual({
      ...{ hash: object.hash, path: object.path, schema: "lab", store: "main", size: 8 },
      ...{ sha256: "ab", count: 2 },
    });
  });

  it("decodes through the inner codec, which checks the digest", async () => {
    const { body } = await encodeChain(codecs, inStore, { input: { text: "two words" }, context });
    if (typeof body === "function") throw new Error("bytes expected");
    const value = storedValueOf(body, {});
    expect(await chain.decodeChain(codecs, inStore, { value, context: decoding })).toBe("two words");
    const damaged = storedValueOf(body, { hash: object.hash });
    await expect(
      chain.decodeChain(codecs, inStore, { value: damaged, context: decoding }),
    ).rejects.toMatchObject({
      code: "OBJECT_CORRUPT",
    });
  });

  it("gives the SQL of a field by placement and reads it where SQL cannot", async () => {
    expect(chain.fieldOf(codecs, { name: "words" }, "count")?.sql?.("x")).toBe("get_byte(x, 0)");
    expect(chain.fieldOf(codecs, inStore, "count")?.sql?.("x")).toBe("(x->>'count')::int");
    expect(chain.fieldOf(codecs, inStore, "toString")).toBeUndefined();
    const value = storedValueOf(Buffer.from([7, 65]));
    const asked = { name: "count", value, args: {}, context: decoding };
    expect(await chain.readField(codecs, inStore, asked)).toBe(7);
  });

  it("names codec, direction and field in a fault", async () => {
    await expect(encodeChain(codecs, inStore, { input: { text: "" }, context })).rejects.toMatchObject({
      code: "CODEC_INVALID_VALUE",
      message: "Field note, codec words: encode failed: no words",
      details: { codec: "words", field: "note", direction: "encode" },
    });
    const value = storedValueOf(Buffer.from("no npy"));
    const use = { name: "npy", store: "main" };
    await expect(chain.decodeChain(codecs, use, { value, context: decoding })).rejects.toMatchObject({
      code: "CODEC_CORRUPT",
      message: "Field note, codec npy: The bytes do not begin as a .npy file does.",
    });
  });
});
