/** Tables that pyarrow has written, against what it says that they hold; and how many bytes are read for them. */

import { readdirSync, readFileSync } from "node:fs";
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
    // Column by column, so that a difference is seen at once.
    for (const { name: column } of table.columns) {
      const found = await rowsOf(table, [column]);
      expect([column, found.map((row) => row[column])]).toEqual([column, rows.map((row) => row[column])]);
    }
    expect(await rowsOf(table)).toEqual(rows);
    for (let start = 0; start < Math.min(rows.length, 4); start++) {
      expect(await rowsOf(table, undefined, start, start + 1)).toEqual(rows.slice(start, start + 1));
    }
  });
});

it("blocks of LZ4 that refer to each other are unpacked", async () => {
  const table = await openArrow(counting(readFileSync(`${fixtures}/arrow/blocks.arrow`)));
  const rows = Array.from({ length: 2000 }, (_, i) => ({ text: `${"ab".repeat(40)}${i % 3}`, n: String(i) }));
  expect(await rowsOf(table)).toEqual(rows);
});
