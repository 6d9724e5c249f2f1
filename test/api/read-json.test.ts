/** Filters on JSON and on lists of scalars: the same rows as an oracle takes, whatever lies in the documents. */

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { defaultApiLimits } from "../../src/api/limits.ts";
import { type Json, NumberText } from "../parity/json.ts";
import { Features } from "../parity/oracle/features.ts";
import { holdsJson } from "../parity/oracle/json-filter.ts";
import { type Answer, openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(`
  type Fit @table {
    fit: Int! @key  name: String  result: JSON
    counts: [Int!]  wide: [BigInt!]  prices: [Decimal!]  tags: [String]  depths: [Float!]  parts: [JSON!]
  }
`);

type Fields = { readonly [key: string]: Json };

/** JSON text of a document. */
function textOf(value: Json): string {
  if (value instanceof NumberText) return value.text;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(textOf).join(",")}]`;
  const parts = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${textOf(inner)}`);
  return `{${parts.join(",")}}`;
}

const keys = [
  "",
  "a",
  "b",
  "a.b",
  'a"b',
  "a\\b",
  "0",
  "-1",
  "1",
  "日本",
  "$",
  "__proto__",
  "null",
  "{a}",
  "path",
  "eq",
];
const numbers = [
  "0",
  "-0",
  "1",
  "1.0",
  "1.50",
  "-1.5",
  "0.1",
  "1e400",
  "-1e400",
  "1e-400",
  "1e300",
  "9007199254740992",
  "9007199254740993",
  "9223372036854775807",
  "-9223372036854775808",
];
const texts = [
  "",
  "a",
  "A",
  "ab",
  "é",
  "日本",
  "1",
  "null",
  "true",
  '"',
  "\\",
  "%",
  "a_b",
  "\u{1f400}",
  "{}",
];

const documents = fc.letrec<{ value: Json; list: readonly Json[]; fields: Fields }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<Json>(null, true, false),
    fc.constantFrom(...numbers).map((text) => new NumberText(text)),
    fc.constantFrom(...texts),
    tie("list"),
    tie("fields"),
  ),
  list: fc.array(tie("value"), { maxLength: 4 }),
  fields: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...keys), tie("value")), { maxLength: 5, selector: ([key]) => key })
    .map((entries): Fields => Object.fromEntries(entries)),
}));

const plain = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(true, false),
    fc.constantFrom(0, -0, 1, 1.5, -1.5, 0.1, 1e300, 2 ** 53),
    fc.constantFrom(...texts),
    fc.array(fc.oneof(fc.constant(null), tie("value")), { maxLength: 2 }),
    fc
      .uniqueArray(fc.tuple(fc.constantFrom(...keys), tie("value")), {
        maxLength: 2,
        selector: ([key]) => key,
      })
      .map((entries) => Object.fromEntries(entries)),
  ),
})).value;

type Filter = Record<string, unknown>;
const one = (name: string, operand: fc.Arbitrary<unknown>): fc.Arbitrary<Filter> =>
  operand.map((value) => ({ [name]: value }));
const anyOf = (names: readonly string[], operand: fc.Arbitrary<unknown>) =>
  fc.constantFrom(...names).chain((name) => one(name, operand));
const orders = ["lt", "lte", "gt", "gte"];
const key = fc.constantFrom(...keys);
const typed = fc.oneof(
  anyOf(["number"], anyOf([...orders, "eq", "neq"], fc.constantFrom(...numbers))),
  anyOf(
    ["text"],
    anyOf([...orders, "eq", "neq", "contains", "startsWith", "endsWith"], fc.constantFrom(...texts)),
  ),
  anyOf(["length"], anyOf([...orders, "eq", "neq"], fc.integer({ min: -1, max: 3 }))),
  anyOf(["number", "text", "length"], one("isNull", fc.boolean())),
);
const path = fc.array(fc.oneof(key, fc.constantFrom("2", "-2", "007", "1.0", "9999999999")), {
  maxLength: 3,
});
const filters = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    anyOf(["eq", "neq", "contains", "containedBy"], plain),
    anyOf(orders, fc.constantFrom<unknown>(0, 1, -1.5, 0.1, 2 ** 53, "", "a", "日本")),
    anyOf(["in", "notIn"], fc.array(plain, { maxLength: 3 })),
    one("hasKey", key),
    anyOf(["hasKeys", "hasAnyKey"], fc.array(key, { maxLength: 3 })),
    anyOf(["exists", "isNull"], fc.boolean()),
    typed,
    anyOf(["some", "every", "none", "not"], tie("filter")),
    anyOf(["and", "or"], fc.array(tie("filter"), { maxLength: 3 })),
    one(
      "at",
      fc.array(
        fc.tuple(path, tie("filter")).map(([steps, filter]) => ({ ...filter, path: steps })),
        { maxLength: 2 },
      ),
    ),
    fc.tuple(tie("filter"), tie("filter")).map(([a, b]) => ({ ...a, ...b })),
  ),
})).filter;

const known: readonly (Json | undefined)[] = [
  undefined,
  null,
  {},
  [],
  { a: { b: [new NumberText("1"), new NumberText("2.50"), "x", null] }, "": { "": true } },
  { a: new NumberText("9007199254740993"), b: new NumberText("1e400"), "0": "zero" },
  [{ a: new NumberText("1") }, { a: new NumberText("1.0") }, [new NumberText("1")]],
  ["a", "a.b", 'a"b'],
];
const rows = [...known, ...fc.sample(documents.value, { numRuns: 70, seed: 4 })];

beforeAll(async () => {
  for (const [fit, result] of rows.entries()) {
    const text = result === undefined ? null : textOf(result);
    await lab.db.query("INSERT INTO lab.fit (fit, name, result) VALUES ($1, $2, $3::jsonb)", [
      fit,
      `n${fit % 3}`,
      text,
    ]);
  }
  await lab.data(`mutation { updateFits(where: {fit: {lt: 4}}, atMost: 10, set: {
    counts: [1, 2, 2], wide: ["9223372036854775807", "-1"], prices: ["1.50", "2"], tags: ["a", null, "b%"], depths: [0.1, 2], parts: [{a: 1, b: 2}, [1]]
  }) { count } }`);
  await lab.db.query(`UPDATE lab.fit SET counts = '[]', prices = '[]', tags = '[]' WHERE fit = 5`);
  await lab.db.query(`UPDATE lab.fit SET counts = '{"not": "a list"}', tags = '"a"' WHERE fit = 6`);
});

const listed = "query($where: FitFilter) { fits(first: 1000, where: $where) { totalCount nodes { fit } } }";
const found = async (where: Filter): Promise<number[]> =>
  (await lab.data(listed, { where })).fits.nodes.map((node: Answer) => node.fit);

describe("filters on JSON", () => {
  const features = new Features();

  test("take the rows that the oracle takes, in one statement", async () => {
    await fc.assert(
      fc.asyncProperty(filters, async (filter) => {
        lab.statements.length = 0;
        const taken = await found({ result: filter });
        expect(lab.statements).toHaveLength(1);
        expect(taken).toEqual([...rows.keys()].filter((row) => holdsJson(features, rows[row], filter)));
      }),
      { numRuns: 400 },
    );
  });

  test("numbers keep all their digits", async () => {
    const at = (path: string[], number: Filter) => found({ result: { at: [{ path, number }] } });
    expect(await at(["a"], { eq: "9007199254740993" })).toContain(5);
    expect(await at(["a"], { eq: "9007199254740992" })).not.toContain(5);
    expect(await at(["b"], { gt: "9.9e399" })).toContain(5);
    expect(await at(["b"], { gt: "1e400" })).not.toContain(5);
  });

  test("literals and variables inside of a document", async () => {
    const data = await lab.data(
      `query($path: [String!]!, $value: JSON) { fits(where: {result: {at: [{path: $path, gte: 2.5}, {path: ["a"], hasKey: "b", isNull: false, eq: $value}]}}) { nodes { fit } } }`,
      { path: ["a", "b", "1"] },
    );
    expect(data.fits.nodes).toEqual([{ fit: 4 }]);
  });

  test("operands and paths are parameters; equal shapes share one statement whatever their values", async () => {
    lab.statements.length = 0;
    const hostile = "'); DROP TABLE lab.fit; --";
    const ask = (key: string, value: unknown) =>
      found({
        result: { eq: { [key]: value }, at: [{ path: [key, key], contains: value, hasKeys: [key] }] },
      });
    await ask(hostile, { [hostile]: hostile });
    await ask("a", 1);
    await ask("}}", [1, [2]]);
    await ask("", { a: { b: { c: [] } } });
    expect(new Set(lab.statements).size).toBe(1);
    expect(lab.statements.join()).not.toContain("DROP");
  });

  test("keys of an operand are never taken for fields of the filter", async () => {
    // Written without quotes, both filters look alike; the first must not lend its statement to the second.
    const query = "query($where: FitFilter) { fits(first: 1000, where: $where) { nodes { fit } } }";
    const decoy = { result: { eq: { "a?}},not{name{eq": 1 } } };
    await lab.data(query, { where: decoy });
    const where = { result: { neq: { a: 1 } }, not: { name: { eq: "n0" } } };
    const alike = { result: { eq: { a: 1 } }, not: { name: { eq: "n0" } } };
    lab.statements.length = 0;
    await lab.data(query, { where: alike });
    expect(lab.statements.join()).toContain('"name"');
    const data = await lab.data(query, { where });
    expect(data.fits.nodes.some(({ fit }: Answer) => fit % 3 === 0)).toBe(false);
  });

  test("null is no operand, and order is only among numbers and among texts", async () => {
    const fault = await lab.fault(listed, { where: { result: { eq: null } } });
    expect(fault).toMatchObject({ code: "BAD_USER_INPUT", extensions: { field: "where.result.eq" } });
    const at = (operand: unknown) => ({ where: { result: { at: [{ path: ["a"], lt: operand }] } } });
    await lab.data(listed, at(1));
    for (const operand of [true, [1], { a: 1 }]) {
      expect(await lab.fault(listed, at(operand))).toMatchObject({
        code: "BAD_USER_INPUT",
        extensions: { field: "where.result.at.0.lt" },
      });
    }
    expect(await lab.fault(listed, { where: { result: { at: [{ eq: 1 }] } } })).toMatchObject({
      code: "BAD_USER_INPUT",
    });
  });

  test("what is nested too deeply is refused, whatever is around it", async () => {
    const nested = (levels: number) => {
      let filter: Filter = { eq: 1 };
      for (let level = 0; level < levels; level++)
        filter = level % 2 === 0 ? { some: filter } : { at: [{ path: ["a"], ...filter }] };
      return { where: { result: filter } };
    };
    expect((await lab.data(listed, nested(32))).fits.totalCount).toBe(0);
    expect(await lab.fault(listed, nested(33))).toMatchObject({
      code: "LIMIT_EXCEEDED",
      extensions: { limit: 32 },
    });
    let not: Filter = { eq: 1 };
    for (let level = 0; level < 500; level++) not = { not };
    expect(await found({ result: not })).toEqual(await found({ result: { eq: 1 } }));
  });

  test("a wide or of paths is planned within its budget, and one that is too wide is refused", async () => {
    const or = (count: number) => ({
      where: {
        or: Array.from({ length: count }, (_, n) => ({ result: { at: [{ path: ["a", `${n}`], eq: n }] } })),
      },
    });
    expect((await lab.data(listed, or(200))).fits.totalCount).toBeGreaterThanOrEqual(0);
    expect(await lab.fault(listed, or(defaultApiLimits.maxConditions))).toMatchObject({
      code: "LIMIT_EXCEEDED",
    });
  });
});

describe("filters on lists of scalars", () => {
  const four = [0, 1, 2, 3];
  const all = [...rows.keys()];

  test.each<readonly [string, Filter, readonly number[]]>([
    ["the same elements in the same order", { counts: { eq: [1, 2, 2] } }, four],
    ["another order", { counts: { eq: [2, 1, 2] } }, []],
    ["whatever is not the same, rows without a value too", { counts: { neq: [1, 2, 2] } }, all.slice(4)],
    ["an element", { counts: { has: 2 } }, four],
    ["every element of another list", { counts: { hasEvery: [2, 1] } }, four],
    ["one that is missing", { counts: { hasEvery: [2, 3] } }, []],
    ["every element of no list", { counts: { hasEvery: [] } }, [...four, 5]],
    ["some element of another list", { counts: { hasSome: [3, 1] } }, four],
    ["some element of no list", { counts: { hasSome: [] } }, []],
    ["no elements", { counts: { isEmpty: true } }, [5]],
    ["elements", { counts: { isEmpty: false } }, four],
    ["how many", { counts: { length: { gt: 2 } } }, four],
    ["nothing", { tags: { isNull: true } }, all.filter((row) => row === 4 || row > 6)],
    ["64-bit numbers", { wide: { has: "9223372036854775807" } }, four],
    ["64-bit numbers that a float would round", { wide: { has: "9223372036854775806" } }, []],
    ["decimals by their value", { prices: { eq: ["1.5", "2.00"] } }, four],
    ["an element that is a decimal", { prices: { hasSome: ["7", "2.0"] } }, four],
    ["no decimals", { prices: { eq: [] } }, [5]],
    ["nulls among the elements", { tags: { eq: ["a", null, "b%"] } }, four],
    ["texts as they are", { tags: { has: "b%" } }, four],
    ["floats", { depths: { hasEvery: [2, 0.1] } }, four],
    ["JSON as a whole, not by a part of it", { parts: { has: { a: 1 } } }, []],
    ["JSON whose keys have another order", { parts: { has: { b: 2, a: 1 } } }, four],
    ["a list in a list", { parts: { hasEvery: [[1], { a: 1, b: 2 }] } }, four],
    ["complements", { not: { counts: { has: 2 } } }, all.slice(4)],
  ])("%s", async (_, where, expected) => {
    expect(await found(where)).toEqual(expected);
  });

  test("null is no operand", async () => {
    expect(await lab.fault(listed, { where: { counts: { has: null } } })).toMatchObject({
      code: "BAD_USER_INPUT",
      extensions: { field: "where.counts.has" },
    });
  });
});
