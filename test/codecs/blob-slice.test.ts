import fc from "fast-check";
import { describe, expect, it } from "vitest";
import blob from "../../codecs/blob.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { selectAxes } from "../../src/format/slice.ts";
import { flatIndex, indexes } from "./zarr-folders.ts";

const context = { field: "x", args: {}, inlineLimitBytes: 2 ** 20 };
const encoding = { schema: "lab", table: "t", field: "x", args: {}, inStore: false };

async function stored(input: Record<string, unknown>): Promise<Uint8Array> {
  const { body } = await blob.encode(input, encoding);
  if (!(body instanceof Uint8Array)) throw new Error("bytes expected");
  return body;
}

const ask = (bytes: Uint8Array, name: string, args = {}, limit = context.inlineLimitBytes) =>
  blob.fields[name]?.read?.(storedValueOf(bytes), args, { ...context, inlineLimitBytes: limit });

const flat = (values: unknown): unknown[] => (Array.isArray(values) ? values.flatMap(flat) : [values]);
const bound = fc.option(fc.integer({ min: -7, max: 7 }), { nil: null });
const step = fc.option(fc.constantFrom(-3, -1, 1, 2), { nil: null });
const axis = fc.record({
  length: fc.integer({ min: 0, max: 5 }),
  slice: fc.record({ start: bound, stop: bound, step }),
});

describe("slices of arrays in blobs", () => {
  it("are numpy's, as values and as base64", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(axis, { maxLength: 3 }), async (axes) => {
        const shape = axes.map(({ length }) => length);
        const slice = axes.map((one) => one.slice);
        const count = shape.reduce((product, n) => product * n, 1);
        const data = Buffer.from(new Int32Array(count).map((_, i) => i).buffer).toString("base64");
        const bytes = await stored({ arrayBase64: { dtype: "int32", shape, data } });
        const selected = selectAxes(shape, slice);
        const wanted = [...indexes(selected.map((one) => one.count))].map((index) =>
          flatIndex(
            selected.map(({ start, step: by }, i) => start + by * (index[i] ?? 0)),
            shape,
          ),
        );
        expect(flat(await ask(bytes, "values", { slice }))).toEqual(wanted);
        const base64 = Buffer.from(String(await ask(bytes, "base64", { slice })), "base64");
        expect([...new Int32Array(new Uint8Array(base64).buffer)]).toEqual(wanted);
        expect(await ask(bytes, "shape")).toEqual(shape);
        expect(await ask(bytes, "dtype")).toBe("int32");
      }),
    );
  });

  it("give numbers of the other byte order in the blob's own", async () => {
    const data = Buffer.from([0, 1, 0, 2]).toString("base64");
    const bytes = await stored({ arrayBase64: { dtype: ">i2", shape: [2], data } });
    expect(await ask(bytes, "values")).toEqual([1, 2]);
    expect(await ask(bytes, "base64")).toBe(Buffer.from([1, 0, 2, 0]).toString("base64"));
    expect(await ask(bytes, "dtype")).toBe("int16");
  });

  it("are null where there is no array of elements of one size", async () => {
    const value = await stored({ json: { a: [1] } });
    const texts = await stored({ array: { dtype: "<U1", shape: [1], data: ["a"] } });
    for (const name of ["values", "base64", "statistics"]) {
      expect(await ask(value, name)).toBeNull();
      expect(await ask(texts, name)).toBeNull();
    }
    expect(await ask(value, "shape")).toBeNull();
    expect(await ask(texts, "shape")).toEqual([1]);
  });

  it("are limited by what is asked, not by the whole", async () => {
    const data = Buffer.alloc(5000).toString("base64");
    const bytes = await stored({ arrayBase64: { dtype: "uint8", shape: [5000], data } });
    expect(await ask(bytes, "values", { slice: [{ start: -2 }] }, 10)).toEqual([0, 0]);
    for (const name of ["values", "base64"])
      await expect(ask(bytes, name, {}, 4999)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  });

  it("refuse what blobs do not hold", async () => {
    const given = (dtype: string, shape: number[], data: string) =>
      stored({ arrayBase64: { dtype, shape, data } });
    await expect(given("float16", [1], "AAA=")).rejects.toThrow("cannot hold elements of type float16");
    await expect(given("int16", [2], "AAA=")).rejects.toThrow("needs 4 bytes, but 2 were given");
    await expect(given("int16", [1], "!AA=")).rejects.toThrow("not base64");
    await expect(given("<U1", [1], "YQAAAA==")).rejects.toThrow("cannot hold elements of type <U1");
    await expect(ask(await given("int16", [1], "AAA="), "values", { slice: [{}, {}] })).rejects.toMatchObject(
      { code: "BAD_USER_INPUT" },
    );
  });
});
