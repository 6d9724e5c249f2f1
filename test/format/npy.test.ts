import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dtypeName, parseDtype } from "../../src/format/dtype.ts";
import { readNpyHeader, writeNpyHeader } from "../../src/format/npy.ts";
import { openNpy, readNpySlice } from "../../src/format/npy-reader.ts";

/** A version 1.0 file with this header text and so many bytes of elements. */
function fileOf(header: string, elements = 0, version = 1): Uint8Array {
  const text = Buffer.from(`${header}\n`, version === 3 ? "utf8" : "latin1");
  const head = version === 1 ? Buffer.alloc(10) : Buffer.alloc(12);
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  if (version === 1) head.writeUInt16LE(text.length, 8);
  else head.writeUInt32LE(text.length, 8);
  return new Uint8Array(Buffer.concat([head, text, Buffer.alloc(elements)]));
}

const dict = (descr: string, shape: string, order = "False") =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;

describe("npy headers", () => {
  it.each([
    ["'<f8'", "()", 8, "float64"],
    ["'|b1'", "(3,)", 3, "bool"],
    ["'>u2'", "(2, 0, 7)", 0, ">u2"],
    ["'<U5'", "(1,)", 20, "<U5"],
    ["'|S6'", "(2,)", 12, "|S6"],
    ["'<M8[25us]'", "(1,)", 8, "datetime64[25us]"],
    [
      "[('a', '<i4'), ('b', '<f8', (2,)), ('', '|V4')]",
      "(1,)",
      24,
      "[('a', '<i4'), ('b', '<f8', (2,)), ('', '|V4')]",
    ],
  ])("read %s %s", (descr, shape, bytes, name) => {
    const file = fileOf(dict(descr, shape), bytes);
    expect(dtypeName(readNpyHeader(file, file.length).dtype)).toBe(name);
  });

  it("are read alike in the usual form and in any other", () => {
    const shapes = fc.array(fc.constantFrom("0", "1", "2", "07", "12", "-1", "1.0", " 3", "4 "), {
      maxLength: 5,
    });
    const headers = fc.record({
      descr: fc.constantFrom(
        "<f8",
        ">i4",
        "|b1",
        "|O",
        "<U0",
        "<U5",
        "<M8[ms]",
        "<M8[x]",
        "<x9",
        "=u2",
        "f8",
      ),
      order: fc.constantFrom("True", "False"),
      shape: fc
        .tuple(shapes, fc.constantFrom("", ",", ", "))
        .map(([axes, end]) => `(${axes.join(", ")}${end})`),
      bytes: fc.constantFrom(0, 1, 4, 8, 16, 48),
    });
    const read = (header: string, bytes: number): unknown => {
      const file = fileOf(header, bytes);
      try {
        return { ...readNpyHeader(file, file.length) };
      } catch (error) {
        return String(error);
      }
    };
    fc.assert(
      fc.property(headers, ({ descr, order, shape, bytes }) => {
        const usual = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;
        expect(read(usual, bytes)).toEqual(read(usual.replaceAll("'", '"'), bytes));
      }),
      { numRuns: 500 },
    );
  });

  it("read what Python 2 and other writers put there", () => {
    const file = fileOf('{"shape":(3L,),"fortran_order":True,"descr":"<i2"}', 6);
    expect(readNpyHeader(file, file.length)).toMatchObject({ shape: [3], fortranOrder: true });
    const names = fileOf(dict("[('名前', '<i4')]", "(1,)"), 4, 3);
    expect(readNpyHeader(names, names.length).dtype.fields?.[0]?.name).toBe("名前");
  });

  it.each([
    ["Python objects", dict("'|O'", "(1,)"), 8, "Python objects are not read"],
    ["code", "__import__('os').system('true')", 0, "not a Python literal"],
    ["an expression", dict("'<f8'", "(1+1,)"), 16, "not a Python literal"],
    ["a missing key", "{'descr': '<f8', 'shape': (1,)}", 8, "must be a dict of"],
    [
      "an added key",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'x': 1}",
      8,
      "must be a dict of",
    ],
    [
      "a repeated key",
      "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}",
      8,
      "different strings",
    ],
    ["a list as shape", dict("'<f8'", "[1]"), 8, "must be a dict of"],
    ["a negative axis", dict("'<f8'", "(-1,)"), 8, "must be a dict of"],
    ["a shape beyond all memory", dict("'<f8'", `(${2n ** 63n}, ${2n ** 63n})`), 8, "announces"],
    ["a huge item", dict("'<U999999999'", "(1,)"), 8, "not an element type"],
    ["deep nesting", `${"[".repeat(5000)}${"]".repeat(5000)}`, 0, "nested too deeply"],
    ["fewer elements", dict("'<f8'", "(2,)"), 8, "announces 16 bytes of elements, but 8 follow"],
    ["more elements", dict("'<f8'", "(2,)"), 24, "announces 16 bytes of elements, but 24 follow"],
    ["an unknown type", dict("'<f3'", "(2,)"), 6, "not an element type"],
  ])("refuse %s", (_name, header, elements, message) => {
    const file = fileOf(header, elements);
    expect(() => readNpyHeader(file, file.length)).toThrow(message);
    try {
      readNpyHeader(file, file.length);
    } catch (error) {
      expect(Object(error).code).toBe("CODEC_CORRUPT");
    }
  });

  it("refuse to read a header of more than 64 KiB, before reading it", async () => {
    const file = fileOf(dict("'<f8'", "()") + " ".repeat(70_000), 8, 2);
    const read: number[] = [];
    const source = {
      sizeBytes: file.length,
      read: async (start: number, end: number) => {
        read.push(end - start);
        return file.subarray(start, end);
      },
    };
    await expect(openNpy(source)).rejects.toMatchObject({ code: "CODEC_CORRUPT" });
    expect(read).toEqual([512]);
  });

  it("read back what is written, in any shape and order", () => {
    const types = ["<f8", "|b1", ">i4", "<U7", "|S3", "<M8[ms]", "<c16", "[('a', '<i4'), ('b', '|u1')]"];
    fc.assert(
      fc.property(
        fc.constantFrom(...types),
        fc.array(fc.nat({ max: 1000 }), { maxLength: 4 }),
        fc.boolean(),
        (type, shape, fortranOrder) => {
          const dtype = parseDtype(type);
          const header = writeNpyHeader({ dtype, shape, fortranOrder });
          expect(header.length % 64).toBe(0);
          const size = shape.reduce((a, b) => a * b, dtype.itemSizeBytes);
          const read = readNpyHeader(header, header.length + size);
          expect(read).toMatchObject({
            dtype,
            shape,
            fortranOrder,
            dataStart: header.length,
            dataBytes: size,
          });
        },
      ),
    );
  });

  it("read only the bytes of a slice", async () => {
    const header = writeNpyHeader({ dtype: parseDtype("<u2"), shape: [500, 40_000], fortranOrder: false });
    const ranges: [number, number][] = [];
    const source = {
      sizeBytes: header.length + 500 * 80_000,
      read: async (start: number, end: number) => {
        ranges.push([start, end]);
        const bytes = new Uint8Array(end - start);
        bytes.set(header.subarray(start, end));
        return bytes;
      },
    };
    const opened = await openNpy(source);
    const admitted: number[] = [];
    const slices = [{ index: -1 }, { start: 100, stop: 200, step: 2 }];
    const array = await readNpySlice(source, opened, { slices, admit: (n) => admitted.push(n) });
    expect(array.shape).toEqual([50]);
    expect(admitted).toEqual([100]);
    const start = header.length + 499 * 80_000 + 200;
    expect(ranges).toEqual([
      [0, 512],
      [start, start + 198],
    ]);
  });
});
