/** Tables that an enemy has written: announced sizes without bytes, circles, endless numbers. What is refused is refused before it is made. */

import { readFileSync } from "node:fs";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { openArrow } from "../../src/format/arrow.ts";
import { FlatTable } from "../../src/format/flatbuffer.ts";
import { unpackLz4Block, unpackLz4Frame } from "../../src/format/lz4.ts";
import { openParquet } from "../../src/format/parquet.ts";
import { CheckedPages, type PageColumn } from "../../src/format/parquet-pages.ts";
import { checkDeltas, checkRuns } from "../../src/format/parquet-runs.ts";
import { Budget, readingTable } from "../../src/format/table.ts";
import { sourceOf } from "../../src/format/table-value.ts";
import { walkThrift } from "../../src/format/thrift.ts";

const fixture = (file: string) => readFileSync(`${import.meta.dirname}/../fixtures/${file}`);
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const corrupt = (message: string) =>
  expect.objectContaining({ code: "CODEC_CORRUPT", message: expect.stringContaining(message) });

function footer(body: Uint8Array, length = body.length, end = "PAR1"): Uint8Array {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(length);
  return Buffer.concat([Buffer.from("PAR1"), body, size, Buffer.from(end)]);
}

const parquet = (file: Uint8Array) => readingTable(() => openParquet(sourceOf(file)));
const arrow = (file: Uint8Array) => readingTable(() => openArrow(sourceOf(file)));

describe("footers of Parquet", () => {
  it.each([
    ["nothing", bytes(""), "does not end with PAR1"],
    ["no magic", Buffer.from("PAR1 and no end"), "does not end with PAR1"],
    ["a length beyond the file", footer(bytes("00"), 2 ** 31), "The footer has 2147483648 bytes"],
    ["encrypted", footer(bytes("00"), 1, "PARE"), "encrypted"],
    ["an endless number", footer(new Uint8Array(2 ** 16).fill(0xff).fill(0x16, 0, 1)), "too many digits"],
    ["structs without end", footer(new Uint8Array(2 ** 16).fill(0x1c)), "nested more than"],
    ["a list of 2^31 parts", footer(bytes("19 fc ff ff ff ff 07")), "are announced, but"],
    ["an empty struct", footer(bytes("00")), "damaged"],
  ])("%s", async (_name, file, message) => {
    await expect(parquet(file)).rejects.toEqual(corrupt(message));
  });

  it("of too many values is refused before it is parsed", () => {
    const list = new Uint8Array(4096);
    list.set(bytes("19 f1 f0 1f"));
    expect(() => walkThrift(list, 0, 100)).toThrow(expect.objectContaining({ code: "LIMIT_EXCEEDED" }));
  });

  it("whose groups and rows differ is refused", async () => {
    const file = Uint8Array.from(fixture("parquet/small_v1.parquet"));
    const at = Buffer.from(file).lastIndexOf(bytes("16 04 19 1c"));
    expect(at).toBeGreaterThan(0);
    file[at + 1] = 6;
    await expect(parquet(file)).rejects.toEqual(corrupt("tells of 3 rows, its groups of 2"));
  });
});

/** A page of the first kind: head, then values. */
function page(head: { unpacked: number; count: number; encoding?: number }, packed: Uint8Array): Uint8Array {
  const varint = (value: number) => {
    const out: number[] = [];
    for (let rest = BigInt(value) * 2n; ; rest >>= 7n) {
      out.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
      if (rest < 128n) return out;
    }
  };
  const inner = [0x15, ...varint(head.count), 0x15, ...varint(head.encoding ?? 0), 0x15, 6, 0x15, 6, 0];
  const outer = [0x15, 0, 0x15, ...varint(head.unpacked), 0x15, ...varint(packed.length), 0x2c, ...inner, 0];
  return Uint8Array.from([...outer, ...packed]);
}

describe("pages of Parquet", () => {
  const column: PageColumn = {
    type: "INT64",
    typeLength: 0,
    maxRepetition: 0,
    maxDefinition: 1,
    codec: "GZIP",
  };

  /** Unpacks the only page, as the library would. */
  function unpack(chunk: Uint8Array, size: number, packed: number, codec = "GZIP") {
    const pages = new CheckedPages(chunk, { ...column, codec }, new Budget(1000));
    return pages.unpack(chunk.subarray(chunk.length - packed), size);
  }

  it.each([
    ["GZIP", gzipSync],
    ["ZSTD", zstdCompressSync],
    ["BROTLI", brotliCompressSync],
  ] as const)(
    "of %s never unfold to more than they announce, nor to more than is read",
    (codec, compress) => {
      const packed = compress(new Uint8Array(2 ** 18));
      expect(() => unpack(page({ unpacked: 100, count: 1 }, packed), 100, packed.length, codec)).toThrow();
      const large = 2 ** 30;
      expect(() => unpack(page({ unpacked: large, count: 1 }, packed), large, packed.length, codec)).toThrow(
        expect.objectContaining({ code: "LIMIT_EXCEEDED" }),
      );
    },
  );

  it("announce no more values than are read", () => {
    const packed = gzipSync(bytes("02000000 0000"));
    expect(() => unpack(page({ unpacked: 6, count: 2 ** 31 - 1 }, packed), 6, packed.length)).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED" }),
    );
  });

  it("hold no runs of more values than they announce", () => {
    const packed = gzipSync(bytes("05000000 feffffff0f 01"));
    expect(() => unpack(page({ unpacked: 10, count: 3 }, packed), 10, packed.length)).toThrow(
      corrupt("A run of"),
    );
    expect(() => checkRuns(bytes("ffffffff0f"), 0, { width: 0, count: 8 })).toThrow(corrupt("A run of"));
    expect(() => checkRuns(bytes("00"), 0, { width: 200, count: 8 })).toThrow(corrupt("200 bits"));
    expect(() => checkDeltas(bytes("8001 00 08 00"), 0, 8)).toThrow(
      corrupt("blocks of 128 values in 0 parts"),
    );
    expect(() => checkDeltas(new Uint8Array(100).fill(255), 0, 8)).toThrow(corrupt("too many digits"));
  });

  it("do not end beyond their column", () => {
    const whole = page({ unpacked: 6, count: 1 }, gzipSync(new Uint8Array(6)));
    expect(() => new CheckedPages(whole.subarray(0, whole.length - 3), column, new Budget(1))).toThrow(
      corrupt("ends beyond its column"),
    );
  });
});

describe("metadata of Arrow", () => {
  /** Tables that each hold the next one twice: their number doubles with every level. */
  function doubling(levels: number): Uint8Array {
    const view = new DataView(new ArrayBuffer(12 + levels * 20));
    view.setUint32(0, 12, true);
    for (const [i, field] of [6, 8, 4].entries()) view.setUint16(4 + i * 2, field, true);
    for (let level = 0; level < levels; level++) {
      const at = 12 + level * 20;
      const parts = [at - 4, 4, level === levels - 1 ? 0 : 2, 8, 4];
      for (const [i, part] of parts.entries()) view.setUint32(at + i * 4, part, true);
    }
    return new Uint8Array(view.buffer);
  }

  const count = (table: FlatTable): number => table.tables(0).reduce((sum, each) => sum + count(each), 1);

  it("that shares its parts without end is refused", () => {
    expect(count(FlatTable.root(doubling(3)))).toBe(7);
    expect(() => count(FlatTable.root(doubling(40)))).toThrow(corrupt("share their parts"));
  });

  it("that announces more than it holds is refused", () => {
    const huge = doubling(2);
    new DataView(huge.buffer).setUint32(20, 2 ** 32 - 1, true);
    expect(() => FlatTable.root(huge).tables(0)).toThrow(corrupt("refers to"));
    expect(() => FlatTable.root(bytes("ffffffff"))).toThrow(corrupt("refers to"));
  });

  it.each([
    ["nothing", bytes(""), "begin with no schema"],
    ["Feather 1", Buffer.from("FEA1 and more"), "Feather version 1"],
    ["no end", Buffer.from("ARROW1\0\0 and no end"), "does not end with ARROW1"],
    ["a footer beyond the file", Buffer.from("ARROW1\0\0\xff\xff\xff\x7fARROW1", "latin1"), "The footer has"],
    ["a message of 2 GB", bytes("ffffffff f0ffff7f 00000000"), "The metadata of a message has"],
  ])("%s", async (_name, file, message) => {
    await expect(arrow(file)).rejects.toEqual(corrupt(message));
  });
});

describe("LZ4", () => {
  it("never writes beyond what is announced, nor refers to what is not there", () => {
    expect(() => unpackLz4Block(bytes("1f 61 0100 ff ff ff 00"), 20)).toThrow(
      corrupt("outside of what they unpack to"),
    );
    expect(() => unpackLz4Block(bytes("10 61 0500 00"), 20)).toThrow(
      corrupt("outside of what they unpack to"),
    );
    expect(() => unpackLz4Block(bytes("10 61"), 20)).toThrow(corrupt("holds 1 bytes, not 20"));
    expect(() => unpackLz4Frame(bytes("04224d18 60 40 82 ffffff7f 00"), 20)).toThrow(
      corrupt("are announced, but"),
    );
    expect(unpackLz4Block(bytes("14 61 0100 10 62"), 10)).toEqual(new Uint8Array(Buffer.from("aaaaaaaaab")));
  });
});

describe("what is read", () => {
  it("of Parquet is the footer, and the chunks of the columns and groups that are asked for", async () => {
    const file = fixture("parquet/groups.parquet");
    const ranges: [number, number][] = [];
    const source = {
      sizeBytes: file.length,
      read: async (start: number, end: number) => {
        ranges.push([start, end]);
        return file.subarray(start, end);
      },
    };
    const table = await openParquet(source);
    expect(ranges).toEqual([[0, file.length]]);
    const whole = table.groups.map(({ sizeBytes }) => sizeBytes);
    ranges.length = 0;
    // The rows 1 and 2 lie in groups of their own; the columns of a group follow each other.
    await table.read({ columns: ["f64"], start: 1, end: 3, budget: new Budget(1000) });
    expect(ranges).toHaveLength(2);
    for (const [i, [start, end]] of ranges.entries()) {
      expect(end - start).toBeLessThan((whole[i + 1] ?? 0) / 20);
      const before = whole.slice(0, i + 1).reduce((sum, size) => sum + size, 4);
      expect(start).toBeGreaterThan(before);
      expect(end).toBeLessThan(before + (whole[i + 1] ?? 0));
    }
    ranges.length = 0;
    await table.read({ columns: ["f32", "f64"], start: 3, end: 4, budget: new Budget(1000) });
    expect(ranges).toHaveLength(1);
  });

  it("of Arrow are heads, and the columns that are asked for", async () => {
    const file = fixture("arrow/file_none.arrow");
    const ranges: [number, number][] = [];
    const source = {
      sizeBytes: file.length,
      read: async (start: number, end: number) => {
        ranges.push([start, end]);
        return file.subarray(start, end);
      },
    };
    const table = await openArrow(source);
    ranges.length = 0;
    await table.read({ columns: ["f64"], start: 3, end: 4, budget: new Budget(1000) });
    const sizes = ranges.map(([start, end]) => end - start);
    // The head of the batch with its head start, and one value of eight bytes (with its padding and its validity).
    expect(sizes[0]).toBeLessThanOrEqual(4096);
    expect(sizes.slice(-1)[0]).toBeLessThanOrEqual(16);
    expect(ranges.length).toBeLessThanOrEqual(3);
  });
});
