import fc from "fast-check";
import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld(`
enum Sex { M F U @value(name: "not known") }
type Row @table {
  id1: Int! @key
  name: String! @key
  small: Int @column(type: "int16")
  big: BigInt
  single: Float32 @column(type: "float32")
  double: Float64 @column(type: "float64")
  flag: Boolean
  day: Date
  at: DateTime
  text: String @column(type: "varchar(40)")
  dec: Decimal @column(type: "decimal(12,4)")
  uuid: UUID
  json: JSON
  bytes: Bytes
  sex: Sex
  bigs: [BigInt!]
  floats: [Float64]
}
`);

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const clean = (max: number) =>
  fc
    .string({ unit: "grapheme", maxLength: max })
    .filter((text) => !text.includes("\0") && [...text].length <= max);
const json = fc
  .jsonValue({ maxDepth: 3 })
  .filter(
    (value) => typeof value !== "string" && value !== null && !JSON.stringify(value).includes("\\u0000"),
  );
const day = fc.date({
  min: new Date("0001-01-01T00:00:00Z"),
  max: new Date("9999-12-31T00:00:00Z"),
  noInvalidDate: true,
});
const double = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom("NaN", "Infinity", "-Infinity"),
);
const bigint = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const micros = fc.integer({ min: 0, max: 999_999 }).map((n) => String(n).padStart(6, "0"));

const row = fc.record({
  id1: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  name: clean(20),
  small: optional(fc.integer({ min: -32768, max: 32767 })),
  big: optional(bigint),
  single: optional(fc.float({ noNaN: true, noDefaultInfinity: true })),
  double: optional(double),
  flag: optional(fc.boolean()),
  day: optional(day.map((date) => date.toISOString().slice(0, 10))),
  at: optional(
    fc.tuple(day, micros).map(([date, fraction]) => `${date.toISOString().slice(0, 19)}.${fraction}Z`),
  ),
  text: optional(clean(40)),
  dec: optional(
    fc
      .tuple(fc.integer({ min: -99_999_999, max: 99_999_999 }), fc.integer({ min: 0, max: 9999 }))
      .map(([a, b]) => `${a}.${String(b).padStart(4, "0")}`),
  ),
  uuid: optional(fc.uuid()),
  json: optional(json),
  bytes: optional(fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes).toString("base64"))),
  sex: optional(fc.constantFrom("M", "F", "U")),
  bigs: optional(fc.array(bigint, { maxLength: 4 })),
  floats: optional(fc.array(optional(double), { maxLength: 4 })),
});
type Row = typeof row extends fc.Arbitrary<infer T> ? T : never;

/** What PostgreSQL must say of a row, column by column, as text. */
function wanted(given: Row): Record<string, string | null> {
  const text = (value: unknown) => (value === null ? null : String(value));
  const stored = { M: "M", F: "F", U: "not known" } as const;
  return {
    id1: text(given.id1),
    name: given.name,
    small: text(given.small),
    big: given.big,
    flag: text(given.flag),
    day: given.day,
    at: given.at,
    text: given.text,
    dec: given.dec?.replace(/^-(?=0+\.0+$)/, "") ?? null,
    uuid: given.uuid,
    bytes: given.bytes,
    sex: given.sex === null ? null : stored[given.sex as keyof typeof stored],
    bigs: given.bigs === null ? null : `[${given.bigs.join(", ")}]`,
  };
}

const sql = `SELECT id1::text, name, small::text, big::text, single, double, flag::text, day::text, text, dec::text, uuid::text, json::text,
  to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, encode(bytes, 'base64') AS bytes, sex::text, bigs::text, floats::text FROM lab."row" AS r ORDER BY r.name COLLATE "C", r.id1`;

test("random rows through createXs are in the table as they were sent", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(row, { maxLength: 20, selector: ({ id1, name }) => `${id1} ${name}` }),
      async (rows) => {
        await world.db.query('TRUNCATE lab."row"');
        await world.data("mutation ($rows: [CreateRowInput!]!) { createRows(rows: $rows) { count } }", {
          rows,
        });
        const found = (await world.db.query<Record<string, unknown>>(sql)).rows;
        const sorted = rows.toSorted(
          (a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)) || a.id1 - b.id1,
        );
        expect(found).toHaveLength(rows.length);
        for (const [index, given] of sorted.entries()) {
          const { json, floats, single, double, bytes, ...rest } = found[index] ?? {};
          const { bytes: wantedBytes, ...others } = wanted(given);
          expect(rest).toEqual(others);
          expect(String(bytes ?? "").replaceAll("\n", "")).toBe(wantedBytes ?? "");
          // Equal to the last bit, the sign of zero included.
          const kept = single === null ? null : Math.fround(Number(single));
          expect(kept).toBe(given.single === null ? null : Math.fround(given.single));
          expect(double === null ? null : Number(double)).toBe(
            given.double === null ? null : Number(given.double),
          );
          expect(json === null ? null : JSON.parse(String(json))).toEqual(
            given.json === null ? null : JSON.parse(JSON.stringify(given.json)),
          );
          expect(floats === null ? null : JSON.parse(String(floats))).toEqual(
            given.floats?.map((value) => (Object.is(value, -0) ? 0 : value)) ?? null,
          );
        }
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);
