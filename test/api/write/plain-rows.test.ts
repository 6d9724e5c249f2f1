/** Bulk creates of plain rows go by columns, others by drafts: both write the same, and say the same of what is wrong. */

import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld(`
enum Sex { M F @value(name: "female adult") }
type Site @table { site: String! @key }
type Thing @table {
  thing: Int! @key
  small: Int @column(type: "int16")
  big: BigInt
  exact: Decimal @column(type: "decimal(12,4)")
  real: Float @column(type: "float32")
  double: Float
  yes: Boolean
  text: String @column(type: "varchar(40)")
  fixed: String @column(type: "char(4)")
  day: Date
  at: DateTime
  rough: DateTime @column(type: "datetime(1)")
  uuid: UUID
  bytes: Bytes
  json: JSON
  sex: Sex
  list: [Int]
  usual: String! @column(type: "varchar(40)", default: "'usual'")
  site: Site
  label: String @unique @column(type: "varchar(40)")
}
`);

const document = `mutation ($rows: [CreateThingInput!]!, $rule: OnConflict!) {
  createThings(rows: $rows, onConflict: $rule) { count skipped things { thing text } affected { table count } }
}`;

const hard = [
  "",
  '"',
  "\\",
  '\\"',
  "{a,b}",
  "NULL",
  "null",
  " blank ",
  "tab\tline\n",
  "ünï ☃ 𝄞",
  "'; --",
  ",",
];
const rows = hard.map((text, index) => ({
  small: index - 5,
  big: String(2n ** 62n + BigInt(index)),
  exact: "-12345678.1250",
  real: [0.1, -2.5, 3e38][index % 3],
  double: [-0, 1e-310, 0.1 + 0.2][index % 3],
  yes: index % 2 === 0,
  text,
  fixed: "ab",
  day: "2024-02-29",
  at: ["2026-05-17T08:30:00Z", "0001-01-01T00:00:00.000001Z", "2026-12-31T23:59:59.5+05:30"][index % 3],
  rough: "2026-05-17T08:30:00.25Z",
  uuid: "0B44A7B5-0A3C-4F0E-8F0B-2F6E3C0A1D11",
  bytes: Buffer.from([0, 92, 34, 255]).toString("base64"),
  json: [{ a: [null, 'x"\\'] }, [], 7, false][index % 4],
  sex: index % 2 === 0 ? "M" : "F",
  list: index % 2 === 0 ? [1, null, 3] : [],
  ...(index % 3 === 0 ? { usual: "own" } : {}),
  ...(index % 4 === 0 ? { site: { key: { site: "here" } } } : {}),
  ...(index % 5 === 0 ? { double: null, at: null } : {}),
}));

async function table(from: number, to: number) {
  const found = await world.db.query(
    `SELECT t.* FROM lab.thing t WHERE thing BETWEEN ${from} AND ${to} ORDER BY thing`,
  );
  return found.rows.map((row) => ({ ...row, thing: Number(row["thing"]) - from }));
}

test("values are the same either way", async () => {
  await world.data('mutation { createSite(input: {site: "here"}) { site { site } } }', {});
  const numbered = (from: number) => rows.map((row, index) => ({ thing: from + index, ...row }));
  const plain = await world.data(document, { rows: numbered(0), rule: "ABORT" });
  const drafted = await world.data(document, { rows: numbered(1000), rule: "SKIP" });
  expect(plain["createThings"]).toMatchObject({
    count: rows.length,
    skipped: 0,
    things: hard.map((text) => ({ text })),
  });
  expect(drafted["createThings"]).toMatchObject({
    count: rows.length,
    affected: [{ table: "lab.thing", count: rows.length }],
  });
  expect(await table(0, 999)).toEqual(await table(1000, 1999));
  expect(await table(0, 999)).toHaveLength(rows.length);
});

test.each<[string, readonly object[], string]>([
  ["a key that is there", [{ thing: 5000 }, { thing: 0 }], "rows.1"],
  ["a key that comes twice", [{ thing: 5000 }, { thing: 5001 }, { thing: 5000 }], "rows.2"],
  [
    "a unique that is met",
    [
      { thing: 5000, label: "x" },
      { thing: 5001, label: "x" },
    ],
    "rows.1",
  ],
  ["a missing parent", [{ thing: 5000 }, { thing: 5001, site: { key: { site: "nowhere" } } }], "rows.1"],
  ["a value out of range", [{ thing: 5000 }, { thing: 5001, small: 40_000 }], "rows.1.small"],
  ["a text too long", [{ thing: 5000, fixed: "abcde" }], "rows.0.fixed"],
  ["text that cannot be stored", [{ thing: 5000, text: "a\u0000b" }], "rows.0.text"],
  [
    "null where a value is needed",
    [
      { thing: 5000, site: null },
      { thing: 5001, usual: null, small: "x" },
    ],
    "rows",
  ],
])("%s is told by its row, and nothing is written", async (_, wrong, field) => {
  const before = await world.db.query("SELECT count(*) FROM lab.thing");
  const { errors, data } = await world.run(document, { rows: wrong, rule: "ABORT" });
  expect(data ?? null).toBeNull();
  expect(errors).toHaveLength(1);
  expect(JSON.stringify(errors[0])).toContain(field);
  expect((await world.db.query("SELECT count(*) FROM lab.thing")).rows).toEqual(before.rows);
});

test("rows that need more than that are drafted: nested ones, defaults of keys", async () => {
  const nested = [
    { thing: 7000, site: { create: { site: "made" } } },
    { thing: 7001, site: { key: { site: "here" } } },
  ];
  const answer = await world.data(document, { rows: nested, rule: "ABORT" });
  expect(answer["createThings"]).toMatchObject({ count: 2 });
  const found = await world.db.query("SELECT site FROM lab.thing WHERE thing >= 7000 ORDER BY thing");
  expect(found.rows).toEqual([{ site: "made" }, { site: "here" }]);
});
