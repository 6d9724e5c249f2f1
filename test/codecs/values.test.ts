import { randomBytes } from "node:crypto";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { contentOf, decodeChain, readField, unwrapChain, uploadOf } from "../../src/codec/chain.ts";
import type { JsonObject } from "../../src/codec/contract.ts";
import { encodeChain } from "../../src/codec/encode-chain.ts";
import { loadCodecs } from "../../src/codec/load.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { createRegistry } from "../../src/codec/registry.ts";

const registry = createRegistry(await loadCodecs([`${import.meta.dirname}/../../codecs`]));
const encoding = { schema: "lab", table: "t", field: "value" };

function encode(name: string, input: Record<string, unknown>, store: string | undefined = "main") {
  return encodeChain(registry, { name, store }, { input, context: encoding });
}

async function bytesOf(name: string, input: Record<string, unknown>): Promise<Uint8Array> {
  const { body } = await encode(name, input);
  if (typeof body === "function") throw new Error("bytes expected");
  return body;
}

function ask(
  name: string,
  field: string,
  stored: Uint8Array,
  more: { args?: object; limit?: number; meta?: JsonObject } = {},
) {
  const context = { field: "value", inlineLimitBytes: more.limit ?? 2 ** 20 };
  const asked = { name: field, value: storedValueOf(stored, more.meta), args: { ...more.args }, context };
  return readField(registry, { name, store: "main" }, asked);
}

/** What an upload brings: the codec's prefix, then the content. */
async function upload(name: string, given: { filename: string; content: Uint8Array; mediaType?: string }) {
  const use = { name, store: "main" };
  const side = uploadOf(registry, use);
  const begun = side?.begin({ filename: given.filename, isTree: false });
  const stored = storedValueOf(Buffer.concat([begun?.prefix ?? new Uint8Array(), given.content]));
  const context = { ...encoding, inStore: true, args: {} };
  const value = unwrapChain(registry, use, stored);
  return { begun, meta: await side?.inspect({ ...given, value }, context) };
}

describe("blob", () => {
  it.each([
    [{ json: 2 ** 53 }, "beyond 2^53"],
    [{ json: { a: [1e300] } }, "beyond 2^53"],
    [{ json: "\ud800" }, "lone surrogate"],
    [{ tagged: 5 }, "is not a tagged value"],
    [{ tagged: { t: "what" } }, "t must be one of"],
    [{ tagged: { t: "int", v: "1.5" } }, "v must be a whole number"],
    [{ tagged: { t: "float", v: 1, bits: "0" } }, "16 hexadecimal digits"],
    [{ tagged: { t: "date", v: "2023-02-29" } }, "ISO text"],
    [{ tagged: { t: "datetime", v: "2023-02-28T10:00:00Z" } }, "without a zone"],
    [{ tagged: { t: "time", v: "24:00:00" } }, "ISO text"],
    [{ tagged: { t: "bytes", hex: "0" } }, "pairs of hexadecimal digits"],
    [{ tagged: { t: "set", items: [{ t: "list", items: [] }] } }, "cannot hash"],
    [{ tagged: { t: "set", items: [{ t: "null" }, { t: "null" }] } }, "stands twice"],
    [{ tagged: { t: "dict", items: [[{ t: "int", v: 1 }]] } }, "must be pairs"],
    [
      { tagged: { t: "ndarray", dtype: "<f2", shape: [1], data: { hex: "0000" } } },
      "cannot hold elements of type float16",
    ],
    [
      { tagged: { t: "ndarray", dtype: ">i4", shape: [1], data: { hex: "00000000" } } },
      "cannot hold elements of type >i4",
    ],
    [{ tagged: { t: "ndarray", dtype: "<i4", shape: [2], data: { hex: "00000000" } } }, "needs 8 bytes"],
    [
      { array: { dtype: "timedelta64[s]", shape: [1], data: ["1"] } },
      "cannot hold elements of type timedelta64[s]",
    ],
    [{ base64: "bm8gYmxvYg==" }, "are no packed blob"],
    [{ base64: "no base64" }, "is not base64"],
  ])("refuses %j", async (input, message) => {
    const encoded = encode("blob", input);
    await expect(encoded).rejects.toMatchObject({
      code: "CODEC_INVALID_VALUE",
      details: { field: "value", codec: "blob" },
    });
    await expect(encoded).rejects.toThrow(message);
  });

  it("refuses nesting beyond what it reads, in every form", async () => {
    let json: unknown = 1;
    let tagged: unknown = { t: "null" };
    for (let i = 0; i < 5000; i++) {
      json = [json];
      tagged = { t: "list", items: [tagged] };
    }
    await expect(encode("blob", { json })).rejects.toThrow("more than 512 levels");
    await expect(encode("blob", { tagged })).rejects.toThrow("more than 512 levels");
  });

  it("describes the value for the row", async () => {
    expect((await encode("blob", { json: [1] })).meta).toEqual({ kind: "list" });
    const array = { dtype: "float32", shape: [1, 2], data: [[0, "NaN"]] };
    expect((await encode("blob", { array })).meta).toEqual({
      kind: "ndarray",
      dtype: "float32",
      shape: [1, 2],
    });
    expect(await ask("blob", "array", await bytesOf("blob", { array }))).toEqual(array);
    const text = { dtype: "<U1", shape: [2], data: ["a", "b"] };
    expect(await ask("blob", "array", await bytesOf("blob", { array: text }))).toEqual({
      ...text,
      dtype: "object",
    });
    expect(await ask("blob", "array", await bytesOf("blob", { json: 1 }))).toBeNull();
  });

  it("keeps packed bytes as they are given", async () => {
    const base64 = Buffer.from("646a30000a0300010000", "hex").toString("base64");
    expect(Buffer.from(await bytesOf("blob", { base64 })).toString("base64")).toBe(base64);
  });

  it("gives dicts as objects where their keys allow it", async () => {
    const pair = (key: object) => ({ tagged: { t: "dict", items: [[key, { t: "null" }]] } });
    expect(await ask("blob", "json", await bytesOf("blob", pair({ t: "int", v: 5 })))).toEqual({ 5: null });
    const proto = await ask("blob", "json", await bytesOf("blob", pair({ t: "str", v: "__proto__" })));
    expect(Object.keys(Object(proto))).toEqual(["__proto__"]);
    expect(await ask("blob", "json", await bytesOf("blob", pair({ t: "tuple", items: [] })))).toEqual([
      [[], null],
    ]);
  });

  it("answers nothing larger than the limit, and unfolds no bomb", async () => {
    const array = { dtype: "int8", shape: [5000], data: new Array(5000).fill(0) };
    const bytes = await bytesOf("blob", { array });
    expect(bytes.length).toBeLessThan(100);
    await expect(ask("blob", "json", bytes, { limit: 4999 })).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
    });
    const bomb = (size: bigint, content: Buffer) => {
      const head = Buffer.concat([Buffer.from("ZL123\0"), Buffer.alloc(8)]);
      head.writeBigUInt64LE(size, 6);
      return new Uint8Array(Buffer.concat([head, deflateSync(content)]));
    };
    const content = Buffer.alloc(2 ** 22);
    await expect(ask("blob", "json", bomb(100n, content))).rejects.toMatchObject({ code: "CODEC_CORRUPT" });
    await expect(ask("blob", "json", bomb(2n ** 60n, content))).rejects.toMatchObject({
      code: "CODEC_CORRUPT",
    });
    await expect(
      ask("blob", "json", bomb(2n ** 22n + 1n, content), { limit: 2 ** 30 }),
    ).rejects.toMatchObject({ code: "CODEC_CORRUPT" });
  });

  it("takes an upload only when it is a blob", async () => {
    const content = await bytesOf("blob", { json: { a: 1 } });
    expect((await upload("blob", { filename: "x.mym", content })).meta).toEqual({ kind: "dict" });
    await expect(upload("blob", { filename: "x", content: content.subarray(1) })).rejects.toMatchObject({
      code: "CODEC_INVALID_VALUE",
    });
  });
});

describe("npy", () => {
  const values = { dtype: "int64", shape: [2, 2], data: [1, 2, "3", "9223372036854775807"] };

  it("answers slices as values and as base64", async () => {
    const bytes = await bytesOf("npy", { values });
    expect(await ask("npy", "values", bytes, { args: { slice: [{ index: 1 }] } })).toEqual([
      "3",
      "9223372036854775807",
    ]);
    const column = await ask("npy", "base64", bytes, { args: { slice: [{ step: -1 }, { index: 0 }] } });
    expect(Buffer.from(String(column), "base64").toString("hex")).toBe("03000000000000000100000000000000");
    await expect(ask("npy", "values", bytes, { limit: 31 })).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      details: { limit: 31 },
    });
    expect(await ask("npy", "values", bytes, { limit: 16, args: { slice: [{ index: 0 }] } })).toEqual([
      "1",
      "2",
    ]);
  });

  it("takes an upload only when it is a .npy file without Python objects", async () => {
    const content = await bytesOf("npy", { values });
    const taken = await upload("npy", { filename: "x.npy", content });
    expect(taken).toEqual({ begun: { ext: ".npy" }, meta: { dtype: "int64", shape: [2, 2] } });
    await expect(upload("npy", { filename: "x", content: content.subarray(0, -1) })).rejects.toMatchObject({
      code: "CODEC_INVALID_VALUE",
    });
    expect(() =>
      uploadOf(registry, { name: "npy", store: "main" })?.begin({ filename: "x", isTree: true }),
    ).toThrow("is a folder");
  });

  it("stops when aborted", async () => {
    const value = storedValueOf(await bytesOf("npy", { values }));
    const context = { field: "value", inlineLimitBytes: 100, signal: AbortSignal.abort() };
    await expect(
      decodeChain(registry, { name: "npy", store: "main" }, { value, context }),
    ).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("files", () => {
  it.each(["", ".", "..", "a/b", "a\\b", "a\0", "a\nb", "\ud800", "é".repeat(128)])(
    "refuse the name %j",
    async (name) => {
      await expect(encode("attach", { text: { name, content: "" } })).rejects.toMatchObject({
        code: "CODEC_INVALID_VALUE",
      });
      expect(() =>
        uploadOf(registry, { name: "attach", store: "m" })?.begin({ filename: name, isTree: false }),
      ).toThrow("file name");
    },
  );

  it("begin with their name when uploaded, and say their media type", async () => {
    const content = Buffer.from("a,b");
    const taken = await upload("attach", { filename: "é.csv", content });
    expect(Buffer.from(taken.begun?.prefix ?? []).toString()).toBe("é.csv\0");
    expect(taken.meta).toEqual({ name: "é.csv", media_type: "text/csv" });
    expect((await upload("hash", { filename: "é.csv", content, mediaType: "text/csv" })).meta).toEqual({
      media_type: "text/csv",
    });
  });

  it("tell where their content begins from the row, else from the bytes", async () => {
    const { body, meta } = await encode("attach", { text: { name: "é.csv", content: "a,b" } });
    if (typeof body === "function") throw new Error("bytes expected");
    const use = { name: "attach", store: "main" };
    const closed = {
      meta,
      bytes: () => Promise.reject(new Error("opened")),
      tree: () => Promise.reject(new Error("opened")),
    };
    const found = { start: 7, filename: "é.csv" };
    expect(await contentOf(registry, use, closed)).toEqual(found);
    expect(await contentOf(registry, use, storedValueOf(body, {}))).toEqual(found);
    expect(await contentOf(registry, { name: "npy", store: "main" }, closed)).toEqual({ start: 0 });
  });

  it("cut text at a character and answer null for what is no text", async () => {
    const stored = await bytesOf("attach", { text: { name: "x.txt", content: "aé鼠🐁" } });
    const cut = (maxBytes: number) => ask("attach", "text", stored, { args: { maxBytes } });
    expect(await Promise.all([0, 1, 2, 3, 5, 6, 9, 10, 99].map(cut))).toEqual([
      "",
      "a",
      "a",
      "aé",
      "aé",
      "aé鼠",
      "aé鼠",
      "aé鼠🐁",
      "aé鼠🐁",
    ]);
    expect(await ask("hash", "text", Uint8Array.of(0xff, 0xfe))).toBeNull();
  });

  it("carry no directories when another program has written some", async () => {
    expect(await ask("attach", "name", Buffer.from("/etc/../passwd\0x"))).toBe("passwd");
    await expect(ask("attach", "name", randomBytes(10_000).fill(7))).rejects.toMatchObject({
      code: "CODEC_CORRUPT",
    });
  });

  it("are checked against their hash when read whole", async () => {
    const stored = await bytesOf("hash", { text: { name: "x", content: "raw bytes" } });
    const read = (hash: string) => {
      const value = storedValueOf(stored, { hash });
      const context = { field: "value", inlineLimitBytes: 100 };
      return decodeChain(registry, { name: "hash", store: "main" }, { value, context });
    };
    expect(Buffer.from((await read("unwli6dqh5hkrs4def2rgayp5m")) as Uint8Array).toString()).toBe(
      "raw bytes",
    );
    await expect(read("2qoyzwmpaczaj2mabgmoz6ccpy")).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
  });
});
