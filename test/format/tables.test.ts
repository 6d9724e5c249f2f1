/** Tables that pyarrow has written, against what it says that they hold; and how many bytes are read for them. */

import { readdirSync, readFileSync } from "node:fs";
import {
  Field,
  Int32,
  Struct,
  Table,
  tableFromArrays,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { openArrow } from "../../src/format/arrow.ts";
import { openParquet } from "../../src/format/parquet.ts";
import { Budget, type ByteSource, type OpenTable } from "../../src/format/table.ts";

const fixtures = `${import.meta.dirname}/../fixtures`;
type Row = Readonly<Record<string, unknown>>;

/** Memory that counts what is read of it. */
function counting(bytes: Uint8Array): ByteSource & { readonly ranges: [number, number][] } {
  const ranges: [number, number][] = [];
  return {
    ranges,
    sizeBytes: bytes.length,
    async read(start, end) {
      expect(start).toBeGreaterThanOrEqual(0);
      expect(end).toBeLessThanOrEqual(bytes.length);
      ranges.push([start, end]);
      return bytes.subarray(start, end);
    },
  };
}

async function rowsOf(
  table: OpenTable,
  columns = table.columns.map(({ name }) => name),
  start = 0,
  end = table.rowCount,
) {
  const found = await table.read({ columns, start, end, budget: new Budget(2 ** 26) });
  return Array.from({ length: end - start }, (_, row) =>
    Object.fromEntries(columns.map((name, i) => [name, found[i]?.[row]])),
  );
}

describe.each([
  ["parquet", openParquet],
  ["arrow", openArrow],
] as const)("%s of pyarrow", (folder, open) => {
  const expected = JSON.parse(readFileSync(`${fixtures}/${folder}/expected.json`, "utf8")) as Record<
    string,
    Row[]
  >;
  const files = readdirSync(`${fixtures}/${folder}`).filter((file) => !file.endsWith(".json"));

  it.each(Object.keys(expected))("%s holds what pyarrow put into it", async (name) => {
    const file = files.find((each) => each === name || each === `${name}.parquet`);
    const table = await open(counting(readFileSync(`${fixtures}/${folder}/${file}`)));
    const rows = expected[name] ?? [];
    expect(table.rowCount).toBe(rows.length);
    expect(await rowsOf(table)).toEqual(rows);
    // A part from the middle, of every second column.
    const [start, end] = [Math.floor(rows.length / 4), Math.ceil((rows.length * 3) / 4)];
    const some = table.columns.map(({ name: column }) => column).filter((_, i) => i % 2 === 0);
    const part = rows
      .slice(start, end)
      .map((row) => Object.fromEntries(some.map((column) => [column, row[column]])));
    expect(await rowsOf(table, some, start, end)).toEqual(part);
  });
});

it("blocks of LZ4 that refer to each other are unpacked", async () => {
  const table = await openArrow(counting(readFileSync(`${fixtures}/arrow/blocks.arrow`)));
  const rows = Array.from({ length: 2000 }, (_, i) => ({ text: `${"ab".repeat(40)}${i % 3}`, n: String(i) }));
  expect(await rowsOf(table)).toEqual(rows);
});

it.each(["file", "stream"] as const)("a %s that apache-arrow has written is read", async (kind) => {
  const plain = tableFromArrays({
    whole: Int32Array.of(1, -2),
    wide: BigInt64Array.of(2n ** 62n, -1n),
    real: Float64Array.of(0.5, Number.NaN),
    name: ["a", "b"],
  });
  const point = new Struct([new Field("x", new Int32(), true), new Field("t", new Utf8(), true)]);
  const points = vectorFromArray([{ x: 1, t: "é" }, null], point);
  const whole = plain.assign(new Table({ points }));
  const table = await openArrow(counting(tableToIPC(whole, kind)));
  expect(table.columns.map(({ type }) => type)).toEqual([
    ...["int32", "int64", "float64", "string"],
    "struct<x: int32, t: string>",
  ]);
  expect(await rowsOf(table)).toEqual([
    { whole: 1, wide: "4611686018427387904", real: 0.5, name: "a", points: { x: 1, t: "é" } },
    { whole: -2, wide: "-1", real: "NaN", name: "b", points: null },
  ]);
});
