/** Fields, inputs and refusals of the codecs image, parquet, arrow, json and text. */

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readField, unwrapChain, uploadOf } from "../../src/codec/chain.ts";
import type { JsonObject } from "../../src/codec/contract.ts";
import { encodeChain } from "../../src/codec/encode-chain.ts";
import { loadCodecs } from "../../src/codec/load.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { inspectImage } from "../../src/format/image.ts";

const registry = createRegistry(await loadCodecs([`${import.meta.dirname}/../../codecs`]));
const encoding = { schema: "lab", table: "t", field: "value" };
const fixture = (file: string) => readFileSync(`${import.meta.dirname}/../fixtures/${file}`);

function encode(name: string, input: Record<string, unknown>, store: string | undefined = "main") {
  return encodeChain(
    registry,
    { name, ...(store === undefined ? {} : { store }) },
    { input, context: encoding },
  );
}

function ask(
  name: string,
  field: string,
  stored: Uint8Array | string,
  more: { args?: object; limit?: number; meta?: JsonObject } = {},
) {
  const bytes = typeof stored === "string" ? new TextEncoder().encode(stored) : stored;
  const context = { field: "value", inlineLimitBytes: more.limit ?? 2 ** 20 };
  const asked = { name: field, value: storedValueOf(bytes, more.meta), args: { ...more.args }, context };
  return readField(registry, { name, store: "main" }, asked);
}

async function upload(name: string, filename: string, content: Uint8Array) {
  const use = { name, store: "main" };
  const side = uploadOf(registry, use);
  const begun = side?.begin({ filename, isTree: false });
  const value = unwrapChain(registry, use, storedValueOf(content));
  return {
    ext: begun?.ext,
    meta: await side?.inspect({ filename, value }, { ...encoding, inStore: true, args: {} }),
  };
}

const code = (wanted: string, message = "") =>
  expect.objectContaining({ code: wanted, message: expect.stringContaining(message) });

describe("json", () => {
  const deep = "[".repeat(600) + "]".repeat(600);

  it.each([
    [{ raw: '{"a":1,"a":2}' }, "CODEC_INVALID_VALUE", "stands twice"],
    [{ raw: '{"__proto__":1,"__proto__":2}' }, "CODEC_INVALID_VALUE", "stands twice"],
    [{ raw: "[1,]" }, "CODEC_INVALID_VALUE", "character 3: a value is expected"],
    [{ raw: "01" }, "CODEC_INVALID_VALUE", "ends before"],
    [{ raw: '"\\ud800"' }, "CODEC_INVALID_VALUE", "lone surrogate"],
    [{ raw: '"\u0001"' }, "CODEC_INVALID_VALUE", "control character"],
    [{ raw: '"\\x41"' }, "CODEC_INVALID_VALUE", "an escape is unknown"],
    [{ raw: "" }, "CODEC_INVALID_VALUE", "a value is expected"],
    [{ raw: deep }, "LIMIT_EXCEEDED", "more than 512 levels"],
    [{ json: JSON.parse(deep) }, "LIMIT_EXCEEDED", "more than 512 levels"],
    [{ json: { a: 2 ** 60 } }, "CODEC_INVALID_VALUE", "beyond 2^53"],
    [{}, "CODEC_INVALID_VALUE", "is given as json"],
  ])("refuses %j", async (input, wanted, message) => {
    await expect(encode("json", input)).rejects.toEqual(code(wanted, message));
  });

  it("keeps every digit, and one text for one value", async () => {
    const text = '{"z": 12345678901234567890, "a": [1.10, -0, 1E5], "__proto__": {"b": null}}';
    const { body } = await encode("json", { raw: text }, undefined);
    const canonical = '{"__proto__":{"b":null},"a":[1.10,-0,1E5],"z":12345678901234567890}';
    expect(Buffer.from(body as Uint8Array).toString()).toBe(canonical);
    expect(await ask("json", "raw", body as Uint8Array)).toBe(canonical);
    const value = (await ask("json", "value", body as Uint8Array)) as Record<string, unknown>;
    expect(JSON.stringify(value)).toBe(
      '{"__proto__":{"b":null},"a":[1.1,0,100000],"z":"12345678901234567890"}',
    );
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["b"]).toBeUndefined();
  });

  it("tells parts by JSON Pointers", async () => {
    const text = '{"a/b":{"~":[10,{"":7}]},"n":1}';
    const at = (path: string) => ask("json", "at", text, { args: { path } });
    expect(await at("/a~1b/~0/0")).toBe(10);
    expect(await at("/a~1b/~0/1/")).toBe(7);
    expect(await at("/a~1b/~0/01")).toBeNull();
    expect(await at("/n/x")).toBeNull();
    expect(await at("")).toEqual(JSON.parse(text));
    expect(await ask("json", "raw", text, { args: { path: "/a~1b" } })).toBe('{"~":[10,{"":7}]}');
    await expect(at("n")).rejects.toEqual(code("BAD_USER_INPUT", "JSON Pointer"));
    await expect(at("/~2")).rejects.toEqual(code("BAD_USER_INPUT", "JSON Pointer"));
    await expect(ask("json", "value", text, { limit: 10 })).rejects.toEqual(code("LIMIT_EXCEEDED"));
  });

  it("compresses what becomes smaller, and reads no bombs", async () => {
    const { body, meta } = await encode("json", { json: Array(1000).fill(0) });
    expect(meta).toEqual({ kind: "array" });
    expect((body as Uint8Array).length).toBeLessThan(100);
    const bomb = gzipSync(Buffer.alloc(33 * 2 ** 20, " "), { level: 1 });
    await expect(ask("json", "value", bomb)).rejects.toEqual(code("LIMIT_EXCEEDED", "holds more than"));
    await expect(ask("json", "value", bomb.subarray(0, 100))).rejects.toEqual(code("CODEC_CORRUPT", "gzip"));
    await expect(ask("json", "value", new Uint8Array([0x22, 0xff, 0x22]))).rejects.toEqual(
      code("CODEC_CORRUPT"),
    );
  });

  it("keeps uploads as they are sent", async () => {
    expect((await upload("json", "a.json", Buffer.from(" [1] "))).meta).toEqual({ kind: "array" });
    await expect(upload("json", "a.json", Buffer.from("{"))).rejects.toEqual(
      code("CODEC_INVALID_VALUE", "no JSON"),
    );
  });
});

describe("text", () => {
  const text = "one\r\ntwo é鼠\n\nfour";

  it("is read in parts and by lines", async () => {
    expect(await ask("text", "length", text)).toBe("17");
    expect(await ask("text", "lineCount", text)).toBe("4");
    expect(await ask("text", "lineCount", "")).toBe("0");
    expect(await ask("text", "lines", text)).toEqual(["one", "two é鼠", "", "four"]);
    expect(await ask("text", "lines", text, { args: { offset: "1", first: 2 } })).toEqual(["two é鼠", ""]);
    expect(await ask("text", "lines", text, { args: { offset: 9, first: 2 } })).toEqual([]);
    // From the middle of a character, to the middle of another.
    expect(await ask("text", "text", text, { args: { offset: 10, maxBytes: 4 } })).toBe("鼠\n");
    expect(await ask("text", "text", text, { args: { offset: 9, maxBytes: 4 } })).toBe("é");
    expect(await ask("text", "text", text, { args: { offset: 999 } })).toBe("");
  });

  it("refuses what is no text, and answers that are too large", async () => {
    await expect(encode("text", { text: "\ud800" })).rejects.toEqual(
      code("CODEC_INVALID_VALUE", "lone surrogate"),
    );
    await expect(upload("text", "a.txt", Uint8Array.of(65, 0xc3))).rejects.toEqual(
      code("CODEC_INVALID_VALUE", "UTF-8"),
    );
    await expect(ask("text", "text", Uint8Array.of(0xff, 65))).rejects.toEqual(code("CODEC_CORRUPT"));
    await expect(ask("text", "lines", text, { limit: 5 })).rejects.toEqual(code("LIMIT_EXCEEDED"));
    await expect(ask("text", "lines", text, { args: { first: -1 } })).rejects.toEqual(code("LIMIT_EXCEEDED"));
    await expect(ask("text", "lines", text, { args: { offset: "-1" } })).rejects.toEqual(
      code("BAD_USER_INPUT"),
    );
  });
});

describe("tables", () => {
  const small = fixture("parquet/small_v1.parquet");

  it("tell their columns and rows", async () => {
    expect((await upload("parquet", "x.parquet", small)).meta).toMatchObject({
      format: "parquet",
      row_count: 2,
      column_count: 4,
    });
    expect(await upload("arrow", "x.feather", fixture("arrow/small.arrow"))).toMatchObject({
      ext: ".feather",
      meta: { format: "arrow" },
    });
    const types = ["int64", "string", "list<int32>", "decimal(38, 5)"];
    const columns = (await ask("parquet", "columns", small)) as { type: string }[];
    expect(columns.map(({ type }) => type)).toEqual(types);
    const rows = await ask("parquet", "rows", small, {
      args: { columns: ["text", "i64"], first: 1, offset: "1" },
    });
    expect(rows).toEqual([{ text: "é鼠", i64: "9223372036854775807" }]);
    expect(await ask("parquet", "rows", small, { args: { offset: "5" } })).toEqual([]);
    expect(await ask("parquet", "rows", small, { args: { columns: [] } })).toEqual([]);
    expect(await ask("arrow", "rowGroups", fixture("arrow/small.arrows"))).toMatchObject([{ rowCount: "2" }]);
  });

  it("refuse what is none, unknown columns, and answers that are too large", async () => {
    await expect(upload("parquet", "x.parquet", fixture("arrow/small.arrow"))).rejects.toEqual(
      code("CODEC_INVALID_VALUE", "The bytes are no Parquet"),
    );
    await expect(encode("arrow", { base64: "AAAA" })).rejects.toEqual(
      code("CODEC_INVALID_VALUE", "no Arrow"),
    );
    await expect(encode("arrow", {})).rejects.toEqual(code("CODEC_INVALID_VALUE", "base64"));
    const wrong = [
      [{ columns: ["nope"] }, "BAD_USER_INPUT", "It has: i64, text"],
      [{ first: 20_000 }, "LIMIT_EXCEEDED", "at once"],
      [{ offset: "-1" }, "BAD_USER_INPUT", "whole number"],
    ] as const;
    for (const [args, wanted, message] of wrong)
      await expect(ask("parquet", "rows", small, { args })).rejects.toEqual(code(wanted, message));
    await expect(ask("parquet", "rows", small, { limit: 20 })).rejects.toEqual(
      code("LIMIT_EXCEEDED", "fewer rows"),
    );
  });
});

describe("image", () => {
  const expected = JSON.parse(fixture("image/expected.json").toString()) as Record<string, object>;

  it.each(Object.keys(expected))("%s has the pixels that Pillow wrote", async (file) => {
    expect(await ask("image", "pixels", fixture(`image/${file}`))).toEqual(expected[file]);
  });

  it.each([
    ["rgb.jpg", { format: "jpeg", width: 7, height: 5, channels: 3, dtype: "uint8", pages: 1 }],
    ["rgb.avif", { format: "avif", width: 7, height: 5, channels: 3, dtype: "uint8", pages: 1 }],
    ["pages.tiff", { format: "tiff", width: 7, height: 5, channels: 1, dtype: "uint8", pages: 3 }],
    ["frames.gif", { format: "gif", width: 7, height: 5, pages: 3 }],
    ["grey16.png", { format: "png", width: 6, height: 4, channels: 1, dtype: "uint16", pages: 1 }],
  ])("%s is described", async (file, facts) => {
    expect((await upload("image", file, fixture(`image/${file}`))).meta).toMatchObject(facts);
  });

  it("has small copies, upright, and regions", async () => {
    const rgb = fixture("image/rgb.png");
    const args = { width: 4, height: 4, format: "png" };
    const meta = { store: "main", path: "a", sha256: "0".repeat(64) };
    const small = (await ask("image", "thumbnail", rgb, { args, meta })) as { base64: string };
    expect(small).toMatchObject({ mediaType: "image/png", width: 4, height: 3 });
    expect(await inspectImage(Buffer.from(small.base64, "base64"))).toMatchObject({ width: 4, height: 3 });
    // The second time nothing is read.
    expect(await ask("image", "thumbnail", new Uint8Array(), { args, meta })).toEqual(small);
    expect(await ask("image", "thumbnail", rgb)).toMatchObject({
      mediaType: "image/webp",
      width: 7,
      height: 5,
    });
    expect(await ask("image", "thumbnail", fixture("image/turned.jpg"))).toMatchObject({
      width: 5,
      height: 7,
    });
    const region = await ask("image", "pixels", rgb, { args: { left: 1, top: 2, width: 2, height: 1 } });
    const whole = Buffer.from((expected["rgb.png"] as { base64: string }).base64, "base64");
    expect(region).toEqual({
      dtype: "uint8",
      shape: [1, 2, 3],
      base64: whole.subarray(45, 51).toString("base64"),
    });
  });

  it.each([
    [
      "svg",
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
      "SVG is a program",
    ],
    ["a PNG in name alone", Buffer.from("P5 1 1 255 x"), "give PNG"],
    ["heic", Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1"), "HEIC is not read"],
    ["pdf", Buffer.from("%PDF-1.7"), "give PNG"],
    ["a head without an image", fixture("image/rgb.png").subarray(0, 20), "damaged"],
  ])("refuses %s", async (_name, content, message) => {
    await expect(upload("image", "x.png", content)).rejects.toEqual(code("CODEC_INVALID_VALUE", message));
  });

  it("refuses damage, too many pixels, and regions beyond the image", async () => {
    const rgb = fixture("image/rgb.png");
    await expect(ask("image", "thumbnail", rgb.subarray(0, 60))).rejects.toEqual(
      code("CODEC_CORRUPT", "damaged"),
    );
    const huge = Uint8Array.from(fixture("image/huge.png"));
    expect((await upload("image", "x.png", huge)).meta).toMatchObject({ width: 60_000, height: 60_000 });
    await expect(ask("image", "thumbnail", huge)).rejects.toEqual(code("LIMIT_EXCEEDED", "too large"));
    for (const args of [{ left: 7 }, { width: 8 }, { page: 1 }, { top: -1 }])
      await expect(ask("image", "pixels", rgb, { args })).rejects.toEqual(code("BAD_USER_INPUT"));
    for (const args of [{ fit: "any" }, { format: "svg" }, { width: 5000 }])
      await expect(ask("image", "thumbnail", rgb, { args })).rejects.toEqual(code("BAD_USER_INPUT"));
    await expect(ask("image", "pixels", rgb, { limit: 50 })).rejects.toEqual(code("LIMIT_EXCEEDED"));
  });
});
