/** HDF5 files as h5py wrote them: see `test/fixtures/hdf5/make.py`. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import hdf5 from "../../codecs/hdf5.ts";
import type { Json, StoredValue } from "../../src/codec/contract.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { isServiceError } from "../../src/errors.ts";

const folder = join(import.meta.dirname, "../fixtures/hdf5");
const fileOf = (name: string) => Uint8Array.from(readFileSync(join(folder, name)));
const types = fileOf("types.h5");
const refused = fileOf("refused.h5");
const layouts = fileOf("layouts.h5");

/** Memory that counts what is read of it. */
function counted(bytes: Uint8Array): { value: StoredValue; read: () => number } {
  const value = storedValueOf(bytes);
  let total = 0;
  const bytesOf = async () => {
    const reader = await value.bytes();
    const readSync = (start: number, end: number) => {
      total += end - start;
      return reader.readSync?.(start, end) ?? new Uint8Array();
    };
    return { ...reader, readSync };
  };
  return { value: { ...value, bytes: bytesOf }, read: () => total };
}

async function ask(
  from: Uint8Array | StoredValue,
  field: string,
  args: Record<string, unknown> = {},
  inlineLimitBytes = 2 ** 20,
): Promise<Json> {
  const value = from instanceof Uint8Array ? storedValueOf(from) : from;
  const read = hdf5.fields[field]?.read;
  if (read === undefined) throw new Error(`no field ${field}`);
  return read(value, args, { field: "Row.file", args: {}, inlineLimitBytes });
}

const values = (path: string, slice?: object[]) => ask(types, "values", { path, slice });
const codeOf = (asked: Promise<unknown>) =>
  asked.then(
    () => "a value",
    (error: unknown) => (isServiceError(error) ? `${error.code}: ${error.message}` : String(error)),
  );

describe("hdf5 values", () => {
  it.each<[string, Json]>([
    [
      "f64",
      [
        [0.5, -1.25, "NaN"],
        ["Infinity", "-Infinity", -0],
      ],
    ],
    ["f32", [1.5, 2.5]],
    ["f16", [1.5, -2]],
    ["i8", [-128, 127]],
    ["u16be", [1, 258, 65535]],
    ["i64", ["-9223372036854775808", "9223372036854775807"]],
    ["u64be", ["18446744073709551615", "7"]],
    ["f64be", [1.5, "NaN"]],
    ["bool", [[true], [false]]],
    ["enum", [0, 2, 1]],
    [
      "complex",
      [
        { re: 1, im: 2 },
        { re: -0, im: -3.5 },
      ],
    ],
    ["fixed", ["abc", "", "xyzzy"]],
    ["fixed_utf8", ["é", "ab"]],
    ["text", ["alpha", "", "Grüße", "鼠"]],
    ["scalar", 2.5],
    ["scalar_text", "one text"],
    ["empty", []],
    ["null", null],
    [
      "record",
      [
        [0.5, "ab", [1, 2], true],
        [1.5, "wxyz", [-3, 4], false],
      ],
    ],
    ["record_be", [[1, 2.5]]],
    ["record_mixed", [[1, 2.5]]],
    ["record_text", [["new", 3]]],
    [
      "group/inner/data",
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
    [
      "/group/inner/data",
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
    [
      "soft",
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
    [
      "group/up/data",
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
    [
      "group/hard/hard/inner/data",
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
  ])("reads %s", async (path, expected) => {
    const found = await values(path);
    // -0 and 0 are one number in JSON.
    expect(JSON.parse(JSON.stringify(found))).toEqual(JSON.parse(JSON.stringify(expected)));
  });

  it("slices as numpy does", async () => {
    expect(await values("soft", [{ index: -1 }])).toEqual([3, 4, 5]);
    expect(await values("soft", [{}, { step: -1 }])).toEqual([
      [2, 1, 0],
      [5, 4, 3],
    ]);
    expect(await values("soft", [{ step: -1 }, { start: 2, stop: 0, step: -2 }])).toEqual([[5], [2]]);
    expect(await values("soft", [{ start: 5 }])).toEqual([]);
    expect(await values("text", [{ start: 3, step: -2 }])).toEqual(["鼠", ""]);
    expect(await codeOf(values("soft", [{ index: 2 }]))).toMatch(/^BAD_USER_INPUT/);
  });

  it("gives the bytes of the file as base64", async () => {
    const expected: Record<string, { dtype: string; bytes: string }> = JSON.parse(
      readFileSync(join(folder, "types.json"), "utf8"),
    );
    const listed = (await ask(types, "datasets", { first: 1000 })) as { path: string; dtype: string }[];
    for (const [path, { dtype, bytes }] of Object.entries(expected)) {
      const found = Buffer.from(String(await ask(types, "base64", { path })), "base64").toString("hex");
      expect([path, found]).toEqual([path, bytes]);
      expect(listed.find((one) => one.path === path)?.dtype).toBe(dtype.replace(/^</, ""));
    }
    expect(await ask(types, "base64", { path: "record_be" })).toBe(
      Buffer.from("000000014004000000000000", "hex").toString("base64"),
    );
    expect(await codeOf(ask(types, "base64", { path: "text" }))).toMatch(/^CODEC_INVALID_VALUE.*no base64/);
  });
});

describe("hdf5 lists", () => {
  it("tells every dataset once, in order, page by page", async () => {
    const paths = async (args: object) =>
      ((await ask(types, "datasets", { ...args })) as { path: string }[]).map(({ path }) => path);
    const all = await paths({ first: 1000 });
    expect(all).toEqual([...all].sort());
    expect(all).toHaveLength(23);
    const first = await paths({ first: 5 });
    expect([...first, ...(await paths({ first: 1000, after: first.at(-1) }))]).toEqual(all);
    expect(await paths({ prefix: "group/" })).toEqual(["group/inner/data"]);
    expect(await paths({ first: 0 })).toEqual([]);
    expect(await codeOf(paths({ first: 1001 }))).toMatch(/^LIMIT_EXCEEDED/);
    expect(await ask(fileOf("latest.h5"), "datasets", { prefix: "many/", first: 1000 })).toHaveLength(120);
  });

  it("tells types, chunks, filters and names", async () => {
    const of = async (bytes: Uint8Array, path: string) =>
      ((await ask(bytes, "datasets", { prefix: path, first: 1 })) as object[])[0];
    expect(await of(layouts, "gzip")).toEqual({
      path: "gzip",
      dtype: "int32",
      shape: [200, 300],
      chunks: [20, 30],
      compression: ["shuffle", "gzip", "fletcher32"],
      names: null,
      unreadable: null,
    });
    expect(await of(types, "enum")).toMatchObject({ dtype: "uint8", names: { RED: 0, GREEN: 1, BLUE: 2 } });
    expect(await of(types, "record")).toMatchObject({
      dtype: "[('t', '<f8'), ('name', '|S4'), ('xy', '<i2', (2,)), ('on', '|b1'), ('', '|V7')]",
    });
    expect(await of(types, "u16be")).toMatchObject({ dtype: ">u2" });
    expect(await of(types, "complex")).toMatchObject({ dtype: "complex128" });
  });

  it("tells attributes", async () => {
    const found = await ask(types, "attributes", { path: "soft" });
    expect(found).toEqual([
      { name: "gain", dtype: "float64", shape: [], value: 0.25, unreadable: null },
      { name: "labels", dtype: "str", shape: [2], value: ["a", "bc"], unreadable: null },
      { name: "ok", dtype: "bool", shape: [], value: true, unreadable: null },
      { name: "range", dtype: "int16", shape: [2], value: [-5, 5], unreadable: null },
    ]);
    expect(await ask(types, "attributes", { path: "group/inner" })).toMatchObject([
      { name: "unit", value: "mV" },
    ]);
    expect(await ask(types, "attributes")).toEqual([]);
  });
});

describe("hdf5 refusals", () => {
  it.each([
    ["nothing", /BAD_USER_INPUT.*the file has no \/nothing/],
    ["target/deeper", /BAD_USER_INPUT/],
    ["external", /BAD_USER_INPUT.*another file, which is never opened/],
    ["passwords/x", /BAD_USER_INPUT.*another file, which is never opened/],
    ["through", /BAD_USER_INPUT.*another file, which is never opened/],
    ["virtual", /CODEC_INVALID_VALUE.*virtual/],
    ["outside", /another file, "\/etc\/passwd", which is never opened/],
    ["reference", /CODEC_INVALID_VALUE.*reference/],
    ["opaque", /CODEC_INVALID_VALUE.*opaque/],
    ["vlen", /CODEC_INVALID_VALUE.*variable-length list/],
    ["filtered", /CODEC_INVALID_VALUE.*filter 305/],
  ])("says by name why %s is not read", async (path, told) => {
    expect(await codeOf(ask(refused, "values", { path }))).toMatch(told);
  });

  it("counts what texts of variable length hold, not only what points to them", async () => {
    const asked = (limit: number) => codeOf(ask(types, "values", { path: "text" }, limit));
    // Four pointers, and 15 bytes of text.
    expect(await asked(16 + 15)).toBe("a value");
    expect(await asked(16 + 14)).toMatch(/^LIMIT_EXCEEDED: The answer would hold 31 bytes.*at most 30/);
    const slice = [{ start: 0, stop: 2 }];
    expect(await codeOf(ask(types, "values", { path: "text", slice }, 8 + 5))).toBe("a value");
    const record = (limit: number) => codeOf(ask(types, "values", { path: "record_text" }, limit));
    expect([await record(11), await record(10)]).toEqual([
      "a value",
      expect.stringMatching(/^LIMIT_EXCEEDED/),
    ]);
    // gain, the pointers and texts of labels, ok, range.
    const attributes = (limit: number) => codeOf(ask(types, "attributes", { path: "soft" }, limit));
    expect(await attributes(8 + 8 + 3 + 1 + 4)).toBe("a value");
    expect(await attributes(8 + 8 + 3 + 1 + 3)).toMatch(/^LIMIT_EXCEEDED/);
  });

  it("goes on after refusals, and lists what is not read with the reason", async () => {
    const found = (await ask(refused, "datasets")) as { path: string; unreadable: string | null }[];
    expect(found.map((one) => [one.path, one.unreadable !== null])).toEqual([
      ["filtered", true],
      ["opaque", true],
      ["outside", false],
      ["reference", true],
      ["target", false],
      ["virtual", true],
      ["vlen", true],
    ]);
    expect(await ask(refused, "values", { path: "target" })).toEqual(["0", "1", "2"]);
    expect(await codeOf(ask(types, "values", { path: "group/loop" }))).toMatch(/more than 16 links/);
    expect(await codeOf(ask(types, "values", { path: "group" }))).toMatch(/it is no dataset/);
    expect(await codeOf(ask(layouts, "values", { path: "sparse" }))).toMatch(/^LIMIT_EXCEEDED/);
  });
});

describe("hdf5 by ranges", () => {
  /** What opening and finding a dataset costs: its tables, by pages. */
  const overhead = 100_000;

  it.each([
    ["contiguous", [{ start: 10, stop: 12 }], 2 * 300 * 4],
    ["chunked", [{ start: 0, stop: 20 }, { index: 7 }], 20 * 30 * 4],
    ["chunked", [{ index: 19 }, { start: 25, stop: 65 }], 3 * 20 * 30 * 4],
    ["gzip", [{ index: 0 }, { index: 0 }], 20 * 30 * 4],
    ["scale", [{ index: 60 }], 50 * 300 * 4],
    [
      "sparse",
      [
        { start: 0, stop: 2 },
        { start: 0, stop: 2 },
      ],
      50 * 50 * 8,
    ],
  ])("of %s reads only what holds the slice", async (path, slice, most) => {
    const { value, read } = counted(layouts);
    await ask(value, "datasets", { first: 0 });
    await ask(value, "values", { path, slice });
    expect(read()).toBeLessThan(overhead + most);
    expect(layouts.length).toBeGreaterThan(4 * (overhead + most));
  });

  it("gives the same from every layout", async () => {
    const slice = [
      { start: 190, step: -37 },
      { start: 250, stop: 20, step: -90 },
    ];
    const rows = [190, 153, 116, 79, 42, 5].map((row) => [250, 160, 70].map((column) => row * 300 + column));
    for (const path of ["contiguous", "chunked", "gzip", "scale"])
      expect([path, await ask(layouts, "values", { path, slice })]).toEqual([path, rows]);
    const corner = [{ stop: 1 }, { stop: 2 }];
    expect(await ask(layouts, "values", { path: "sparse", slice: corner })).toEqual([[7, 1.5]]);
  });

  it("tells statistics", async () => {
    for (const path of ["contiguous", "gzip"])
      expect(await ask(layouts, "statistics", { path })).toEqual({
        count: "60000",
        nanCount: "0",
        min: 0,
        max: 59999,
        mean: 29999.5,
        std: expect.closeTo(Math.sqrt((60_000 ** 2 - 1) / 12), 6),
      });
    expect(await ask(types, "statistics", { path: "f64" })).toEqual({
      count: "5",
      nanCount: "1",
      min: "-Infinity",
      max: "Infinity",
      mean: null,
      std: null,
    });
    expect(await ask(types, "statistics", { path: "i64" })).toMatchObject({
      min: "-9223372036854775808",
      max: "9223372036854775807",
    });
    const none = { count: "0", nanCount: "0", min: null, max: null, mean: null, std: null };
    expect(await ask(types, "statistics", { path: "empty" })).toEqual(none);
    expect(await codeOf(ask(types, "statistics", { path: "text" }))).toMatch(/no real numbers/);
    expect(await codeOf(ask(layouts, "statistics", { path: "sparse" }))).toMatch(/HOLDFAST_DECODE_ELEMENTS/);
  });
});
