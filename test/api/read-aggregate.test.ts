/** Aggregates and groups against a JavaScript oracle that reads the whole tables, over random rows and random operations. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareDirected,
  compareValues,
  type FieldFacts,
  groupRows,
  type Kind,
  type Measure,
  measure,
  measureFacts,
  periodOf,
  type Row,
  scaled,
  shownAverage,
  type Value,
} from "./aggregate-oracle.ts";
import { type Answer, openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(`
  type Rig @table { rig: Int! @key  name: String }
  type Cell @table {
    cell: Int! @key  rig: Rig  name: String  size: BigInt  few: Int @column(type: "int16")  price: Decimal @column(type: "decimal(8,2)")
    depth: Float  gain: Float64  thin: Float32  kind: Kind  seen: DateTime  day: Date  isAlive: Boolean  tag: UUID
  }
  enum Kind { Z E OTHER @value(name: "?") }
  type Spike @table { cell: Cell! @key  spike: Int! @key  label: String  width: Float32  kind: Kind }
`);

const fact = (kind: Kind, more: Partial<FieldFacts> = {}): FieldFacts => ({ kind, ...more });
const kinds = ["Z", "E", "OTHER"];
const fields: Readonly<Record<string, FieldFacts>> = {
  cell: fact("int"),
  name: fact("text"),
  size: fact("big"),
  few: fact("int"),
  price: fact("decimal", { scale: 2 }),
  depth: fact("float"),
  gain: fact("float"),
  thin: fact("float"),
  kind: fact("enum", { values: kinds }),
  seen: fact("time"),
  day: fact("time"),
  isAlive: fact("boolean"),
  tag: fact("text"),
};
const numeric = Object.keys(fields).filter((name) => /int|big|decimal|float/.test(fields[name]?.kind ?? ""));
const factsOf = (name: string) => fields[name] ?? fact("text");

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 4 });
/** Multiples of a quarter: their sums are the same in every order. */
const quarters = fc.integer({ min: -4000, max: 4000 }).map((n) => n / 4 + 0);
const cellRow = fc.record({
  rig: maybe(fc.constantFrom(1, 2)),
  name: maybe(fc.constantFrom("", "a", "A", "é", "日本", "a b")),
  size: maybe(
    fc.oneof(fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n)), fc.bigInt({ min: -9n, max: 9n })).map(String),
  ),
  few: maybe(fc.integer({ min: -32768, max: 32767 })),
  price: maybe(
    fc
      .integer({ min: -99999999, max: 99999999 })
      .map((n) => (n / 100).toFixed(2).replace(/^-(0\.00)$/, "$1")),
  ),
  depth: maybe(quarters),
  gain: maybe(
    fc.oneof(
      { weight: 8, arbitrary: quarters },
      { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity) },
    ),
  ),
  thin: maybe(quarters),
  kind: maybe(fc.constantFrom(...kinds)),
  seen: maybe(
    fc.constantFrom(
      "2026-01-01T00:00:00Z",
      "2026-01-04T23:59:59.999999Z",
      "2026-01-05T00:30:00Z",
      "2024-02-29T12:00:00.5Z",
      "0001-01-01T00:00:00Z",
      "9999-12-31T23:59:59Z",
    ),
  ),
  day: maybe(fc.constantFrom("2026-01-01", "2026-01-04", "2026-01-05", "2024-02-29", "1999-12-31")),
  isAlive: maybe(fc.boolean()),
  tag: maybe(
    fc.constantFrom(
      "00000000-0000-0000-0000-00000000000a",
      "ffffffff-0000-0000-0000-000000000000",
      "10000000-0000-0000-0000-0000000000ff",
    ),
  ),
});
const spikeRow = fc.record({
  label: maybe(fc.constantFrom("", "x", "X", "y")),
  width: maybe(quarters),
  kind: maybe(fc.constantFrom(...kinds)),
});
const data = fc.record({
  cells: fc.array(cellRow, { maxLength: 12 }),
  spikes: fc.array(fc.tuple(fc.nat(11), spikeRow), { maxLength: 20 }),
});

const stored = (value: Value) => (value === "OTHER" ? "?" : value);

/** Puts random rows into the tables and reads them back whole. */
async function fill(made: typeof data extends fc.Arbitrary<infer T> ? T : never) {
  await lab.db.query("TRUNCATE lab.spike, lab.cell, lab.rig");
  await lab.db.query("INSERT INTO lab.rig VALUES (1, 'left'), (2, NULL)");
  for (const [cell, row] of made.cells.entries()) {
    const values = Object.values(row).map((value) =>
      typeof value === "number" ? String(value) : stored(value),
    );
    await lab.db.query(
      `INSERT INTO lab.cell (cell, rig, name, size, few, price, depth, gain, thin, kind, seen, day, is_alive, tag) VALUES ($1, ${values.map((_, i) => `$${i + 2}`).join(", ")})`,
      [cell, ...values],
    );
  }
  const spikes: Row[] = [];
  for (const [spike, [at, row]] of made.spikes.entries()) {
    if (at >= made.cells.length) continue;
    spikes.push({ cell: at, spike, ...row });
    await lab.db.query(
      "INSERT INTO lab.spike (cell, spike, label, width, kind) VALUES ($1, $2, $3, $4, $5)",
      [at, spike, row.label, row.width, stored(row.kind)],
    );
  }
  const cells: Row[] = made.cells.map((row, cell) => ({ cell, ...row }));
  return { cells, spikes };
}

interface Filter {
  readonly where: Record<string, unknown> | undefined;
  readonly holds: (row: Row) => boolean;
}
const filters: fc.Arbitrary<Filter> = fc.oneof(
  fc.constant({ where: undefined, holds: () => true }),
  fc.nat(12).map((n) => ({ where: { cell: { lt: n } }, holds: (row: Row) => Number(row["cell"]) < n })),
  fc
    .constantFrom(...kinds)
    .map((kind) => ({ where: { kind: { neq: kind } }, holds: (row: Row) => row["kind"] !== kind })),
  fc.constant({ where: { rig: { name: { eq: "left" } } }, holds: (row: Row) => row["rig"] === 1 }),
);

interface Asked {
  readonly name: Measure;
  readonly field: string;
}
const asked: fc.Arbitrary<Asked> = fc
  .constantFrom<Measure>("sum", "avg", "min", "max")
  .chain((name) =>
    fc
      .constantFrom(...(name === "sum" || name === "avg" ? numeric : Object.keys(fields)))
      .map((field) => ({ name, field })),
  );

/** NaN and the infinities as Float64 shows them. */
const shown = (value: Value) =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
const told = (rows: readonly Row[], { name, field }: Asked) =>
  measure(
    factsOf(field),
    name,
    rows.map((row) => row[field] ?? null),
  );
const answered = ({ name, field }: Asked, value: Value) =>
  name === "avg" && factsOf(field).kind !== "float" ? shownAverage(value) : value;

const selectionOf = (list: readonly Asked[]) =>
  `count n: count __typename ${list.map(({ name, field }, i) => `m${i}: ${name} { v: ${field} }`).join(" ")}`;
const expectedOf = (rows: readonly Row[], list: readonly Asked[]) => ({
  count: rows.length,
  n: rows.length,
  __typename: "CellAggregate",
  ...Object.fromEntries(list.map((one, i) => [`m${i}`, { v: shown(told(rows, one)) }])),
});
const canonical = (aggregate: Answer, list: readonly Asked[]) => ({
  ...aggregate,
  ...Object.fromEntries(list.map((one, i) => [`m${i}`, { v: answered(one, aggregate[`m${i}`].v) }])),
});

describe("aggregates", () => {
  test("are what the oracle tells of the rows that the filter leaves, whatever the page, in one statement", async () => {
    await fc.assert(
      fc.asyncProperty(
        data,
        fc.array(fc.tuple(filters, fc.array(asked, { maxLength: 5 })), { minLength: 5, maxLength: 5 }),
        async (made, operations) => {
          const { cells } = await fill(made);
          for (const [{ where, holds }, list] of operations) {
            lab.statements.length = 0;
            const answer = await lab.data(
              `query($where: CellFilter) { cells(where: $where, first: 1) { aggregate { ...A } } } fragment A on CellAggregate { ${selectionOf(list)} }`,
              { where },
            );
            expect(lab.statements).toHaveLength(1);
            expect(canonical(answer.cells.aggregate, list)).toEqual(expectedOf(cells.filter(holds), list));
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test("of child lists are of each row's children only", async () => {
    await fc.assert(
      fc.asyncProperty(data, fc.constantFrom("x", "X", null), async (made, label) => {
        const { cells, spikes } = await fill(made);
        const answer = await lab.data(
          `query($where: SpikeFilter) { cells(first: 1000) { nodes { cell spikes(where: $where, first: 0) { aggregate { count sum { width } max { label kind } } groupBy(by: [KIND]) { key { kind } aggregate { count } } } } } }`,
          label === null ? {} : { where: { label: { eq: label } } },
        );
        const expected = cells.map(({ cell }) => {
          const own = spikes.filter(
            (spike) => spike["cell"] === cell && (label === null || spike["label"] === label),
          );
          const values = (field: string) => own.map((spike) => spike[field] ?? null);
          return {
            cell,
            spikes: {
              aggregate: {
                count: own.length,
                sum: { width: measure(fact("float"), "sum", values("width")) },
                max: {
                  label: measure(fact("text"), "max", values("label")),
                  kind: measure(factsOf("kind"), "max", values("kind")),
                },
              },
              groupBy: groupRows(own, [{ facts: factsOf("kind"), of: (row) => row["kind"] ?? null }]).map(
                ({ key, rows }) => ({
                  key: { kind: key[0] },
                  aggregate: { count: rows.length },
                }),
              ),
            },
          };
        });
        expect(answer.cells.nodes).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });
});

interface Key {
  readonly name: string;
  readonly field: string;
  readonly facts: FieldFacts;
  readonly of: (row: Row) => Value;
}
const plainKeys: Key[] = ["rig", ...Object.keys(fields)].map((field) => ({
  name: field === "isAlive" ? "IS_ALIVE" : field.toUpperCase(),
  field,
  facts: field === "rig" ? fact("int") : factsOf(field),
  of: (row) => row[field] ?? null,
}));
const periodKeys: Key[] = [
  ...["year", "month", "week", "day", "hour"].map((period) => ["seen", period] as const),
  ...["year", "month", "week"].map((period) => ["day", period] as const),
].map(([field, period]) => ({
  name: `${field}__${period}`.toUpperCase(),
  field: `${field}__${period}`,
  facts: fact("time"),
  of: (row) => periodOf(period, row[field] ?? null),
}));
const everyKey = [...plainKeys, ...periodKeys];

interface Having {
  readonly having: Record<string, unknown> | undefined;
  readonly holds: (rows: readonly Row[]) => boolean;
}
const comparisons: Readonly<Record<string, (order: number) => boolean>> = {
  gt: (order) => order > 0,
  gte: (order) => order >= 0,
  lt: (order) => order < 0,
  lte: (order) => order <= 0,
  eq: (order) => order === 0,
};
const operators = fc.constantFrom(...Object.keys(comparisons));
const measureHaving: fc.Arbitrary<Having> = fc
  .tuple(asked, operators, cellRow)
  .map(([{ name, field }, operator, row]) => {
    // Whole numbers fit sums of every kind; the other measures are compared with a value of the field.
    const sample: Record<string, Value> = { cell: 3, ...row };
    const isSum = name === "sum" || name === "avg";
    const value = isSum ? (factsOf(field).kind === "float" ? 2.5 : "2") : (sample[field] ?? null);
    if (value === null || (name === "min" && operator === "eq" && field === "kind")) {
      return {
        having: { [name]: { [field]: { isNull: true } } },
        holds: (rows) => told(rows, { name, field }) === null,
      };
    }
    const used = factsOf(field).kind === "enum" || factsOf(field).kind === "boolean" ? "eq" : operator;
    return {
      having: {
        [name]: {
          [field]: { [used]: typeof value === "number" && !Number.isFinite(value) ? String(value) : value },
        },
      },
      holds: (rows) => {
        const found = exact(rows, { name, field });
        return (
          found !== null &&
          comparisons[used]?.(compareValues(measureFacts(factsOf(field), name), found, value)) === true
        );
      },
    };
  });
/** As {@link told}, averages not shortened. */
function exact(rows: readonly Row[], { name, field }: Asked): Value {
  const facts = factsOf(field);
  if (name !== "avg" || facts.kind === "float") return told(rows, { name, field });
  const given = rows.flatMap((row) => (row[field] === null || row[field] === undefined ? [] : [row[field]]));
  if (given.length === 0) return null;
  const sum = given.reduce<bigint>((total, value) => total + scaled(value, 30), 0n);
  const text = String(
    sum / BigInt(given.length) < 0n ? -sum / BigInt(given.length) : sum / BigInt(given.length),
  ).padStart(31, "0");
  return `${sum < 0n ? "-" : ""}${text.slice(0, -30)}.${text.slice(-30)}`;
}
const havings: fc.Arbitrary<Having> = fc.letrec<{ tree: Having }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constant({ having: {}, holds: () => true }),
    fc.tuple(fc.nat(4), operators).map(([n, operator]) => ({
      having: { count: { [operator]: n } },
      holds: (rows: readonly Row[]) => comparisons[operator]?.(rows.length - n) === true,
    })),
    measureHaving,
    fc.array(tie("tree"), { maxLength: 3 }).map((parts) => ({
      having: { and: parts.map(({ having }) => having) },
      holds: (rows: readonly Row[]) => parts.every(({ holds }) => holds(rows)),
    })),
    fc.array(tie("tree"), { maxLength: 3 }).map((parts) => ({
      having: { or: parts.map(({ having }) => having) },
      holds: (rows: readonly Row[]) => parts.some(({ holds }) => holds(rows)),
    })),
    tie("tree").map(({ having, holds }) => ({
      having: { not: having },
      holds: (rows: readonly Row[]) => !holds(rows),
    })),
  ),
})).tree;

const directions = fc.constantFrom("ASC", "DESC", "ASC_NULLS_FIRST", "DESC_NULLS_LAST");
interface Order {
  readonly order: Record<string, unknown>;
  readonly compare: (a: readonly Row[], b: readonly Row[]) => number;
}
const groupOrders: fc.Arbitrary<Order> = fc.oneof(
  directions.map((to) => ({
    order: { count: to },
    compare: (a: readonly Row[], b: readonly Row[]) => compareDirected(fact("int"), to, [a.length, b.length]),
  })),
  fc.tuple(asked, directions).map(([one, to]) => ({
    order: { [one.name]: { [one.field]: to } },
    compare: (a: readonly Row[], b: readonly Row[]) =>
      compareDirected(measureFacts(factsOf(one.field), one.name), to, [exact(a, one), exact(b, one)]),
  })),
);

const grouped = `query($where: CellFilter, $by: [CellGroupKey!]!, $having: CellHaving, $orderBy: [CellAggregateOrderBy!], $first: Int) {
  cells(where: $where, last: 2) { groupBy(by: $by, having: $having, orderBy: $orderBy, first: $first) { key { ${everyKey.map(({ field }) => field).join(" ")} } aggregate { count } } } }`;

describe("groups", () => {
  test("are those of the oracle: keys, having, order, first", async () => {
    const operation = fc.record({
      filter: filters,
      keys: fc.uniqueArray(fc.constantFrom(...everyKey), {
        minLength: 1,
        maxLength: 3,
        selector: ({ name }) => name,
      }),
      having: havings,
      orders: fc.array(groupOrders, { maxLength: 2 }),
      first: fc.option(fc.nat(6), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(
        data,
        fc.array(operation, { minLength: 10, maxLength: 10 }),
        async (made, operations) => {
          const { cells } = await fill(made);
          for (const { filter, keys, having, orders, first } of operations) {
            lab.statements.length = 0;
            const by = keys.map(({ name }) => name);
            const answer = await lab.data(grouped, {
              where: filter.where,
              by,
              having: having.having,
              orderBy: orders.map(({ order }) => order),
              first,
            });
            expect(lab.statements).toHaveLength(1);
            const groups = groupRows(cells.filter(filter.holds), keys).filter(({ rows }) =>
              having.holds(rows),
            );
            const sorted = [...groups].sort((a, b) =>
              orders.reduce((order, { compare }) => order || compare(a.rows, b.rows), 0),
            );
            const expected = sorted.slice(0, first).map(({ key, rows }) => ({
              key: Object.fromEntries(
                everyKey.map(({ field }) => [
                  field,
                  shown(key[keys.findIndex((one) => one.field === field)] ?? null),
                ]),
              ),
              aggregate: { count: rows.length },
            }));
            expect(answer.cells.groupBy).toEqual(expected);
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});
