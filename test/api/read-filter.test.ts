/** Laws of filters and orders: the same rows as a JavaScript oracle that reads the whole tables. */

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(`
  type Rig @table { rig: Int! @key  name: String }
  type Cell @table {
    cell: Int! @key  rig: Rig  name: String  size: BigInt  depth: Float  kind: Kind  seen: DateTime  isAlive: Boolean
  }
  enum Kind { E I OTHER @value(name: "?") }
  type Spike @table { cell: Cell! @key  spike: Int! @key  label: String }
`);

interface Rig {
  rig: number;
  name: string | null;
}
interface Cell {
  cell: number;
  rig: number | null;
  name: string | null;
  size: bigint | null;
  depth: number | null;
  kind: string | null;
  seen: string | null;
  isAlive: boolean | null;
}
interface Spike {
  cell: number;
  spike: number;
  label: string | null;
}

const rigs: Rig[] = [
  { rig: 1, name: "left" },
  { rig: 2, name: null },
];
const names = [
  null,
  "",
  "a",
  "A",
  "ab",
  "ba",
  "a%b",
  "a_b",
  "é",
  "日本",
  "a\\b",
  "'; DROP TABLE lab.cell; --",
  "$1",
];
const sizes = [null, 0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n];
const depths = [null, 0, 0.1, -1.5, 1e300, 5e-324];
const kinds = [null, "E", "I", "OTHER"];
const times = [null, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z", "0001-01-01T00:00:00Z"];
const cells: Cell[] = Array.from({ length: 40 }, (_, cell) => ({
  cell,
  rig: [null, 1, 2][cell % 3] ?? null,
  name: names[(cell * 7) % names.length] ?? null,
  size: sizes[(cell * 5) % sizes.length] ?? null,
  depth: depths[(cell * 3) % depths.length] ?? null,
  kind: kinds[cell % 4] ?? null,
  seen: times[(cell * 11) % 4] ?? null,
  isAlive: [null, true, false][(cell * 2) % 3] ?? null,
}));
const spikes: Spike[] = cells.flatMap(({ cell }) =>
  Array.from({ length: cell % 4 }, (_, spike) => ({
    cell,
    spike,
    label: [null, "x", "y"][(cell + spike) % 3] ?? null,
  })),
);

beforeAll(async () => {
  for (const { rig, name } of rigs) await lab.db.query("INSERT INTO lab.rig VALUES ($1, $2)", [rig, name]);
  for (const row of cells) {
    await lab.db.query(
      `INSERT INTO lab.cell (cell, rig, name, size, depth, kind, seen, is_alive) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        row.cell,
        row.rig,
        row.name,
        row.size,
        row.depth,
        row.kind === "OTHER" ? "?" : row.kind,
        row.seen,
        row.isAlive,
      ],
    );
  }
  for (const { cell, spike, label } of spikes)
    await lab.db.query("INSERT INTO lab.spike VALUES ($1, $2, $3)", [cell, spike, label]);
});

/** A filter with the oracle's opinion of it. */
interface Both<Row> {
  readonly filter: Record<string, unknown>;
  readonly holds: (row: Row) => boolean;
}

type Ordered = string | number | bigint;
const compareBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const order = (a: Ordered, b: Ordered) =>
  typeof a === "string" && typeof b === "string" ? compareBytes(a, b) : a < b ? -1 : a > b ? 1 : 0;

function comparisons<T extends Ordered>(value: T, shown: (value: T) => unknown) {
  const known = (test: (a: T) => boolean) => (a: T | null) => a !== null && test(a);
  return fc.constantFrom<readonly [Record<string, unknown>, (a: T | null) => boolean]>(
    [{ eq: shown(value) }, known((a) => a === value)],
    [{ neq: shown(value) }, (a) => a !== value],
    [{ lt: shown(value) }, known((a) => order(a, value) < 0)],
    [{ lte: shown(value) }, known((a) => order(a, value) <= 0)],
    [{ gt: shown(value) }, known((a) => order(a, value) > 0)],
    [{ gte: shown(value) }, known((a) => order(a, value) >= 0)],
    [{ in: [shown(value)] }, known((a) => a === value)],
    [{ notIn: [shown(value)] }, (a) => a !== value],
    [{ in: [] }, () => false],
    [{ notIn: [] }, () => true],
    [{ isNull: true }, (a) => a === null],
    [{ isNull: false }, (a) => a !== null],
    [{ gte: shown(value), isNull: false }, known((a) => order(a, value) >= 0)],
    [{}, () => true],
  );
}

function column<Row, T extends Ordered>(
  name: string,
  read: (row: Row) => T | null,
  values: readonly (T | null)[],
  shown: (value: T) => unknown,
) {
  const given = values.filter((value): value is T => value !== null);
  return fc
    .constantFrom(...given)
    .chain((value) =>
      comparisons(value, shown).map(
        ([filter, holds]): Both<Row> => ({ filter: { [name]: filter }, holds: (row) => holds(read(row)) }),
      ),
    );
}

const texts = fc
  .constantFrom(...names.filter((name) => name !== null))
  .chain((text) =>
    fc.constantFrom<Both<Cell>>(
      { filter: { name: { contains: text } }, holds: ({ name }) => name?.includes(text) === true },
      { filter: { name: { startsWith: text } }, holds: ({ name }) => name?.startsWith(text) === true },
      { filter: { name: { endsWith: text } }, holds: ({ name }) => name?.endsWith(text) === true },
      { filter: { name: { like: "a%" } }, holds: ({ name }) => name?.startsWith("a") === true },
      { filter: { name: { ilike: "A%" } }, holds: ({ name }) => /^a/i.test(name ?? "") },
    ),
  );
const flags = fc.constantFrom<Both<Cell>>(
  { filter: { isAlive: { eq: true } }, holds: ({ isAlive }) => isAlive === true },
  { filter: { isAlive: { neq: true } }, holds: ({ isAlive }) => isAlive !== true },
);
const enums = fc
  .constantFrom("E", "I", "OTHER")
  .chain((one) =>
    fc.constantFrom<Both<Cell>>(
      { filter: { kind: { eq: one } }, holds: ({ kind }) => kind === one },
      { filter: { kind: { notIn: [one, "E"] } }, holds: ({ kind }) => kind !== one && kind !== "E" },
      { filter: { kind: { isNull: true } }, holds: ({ kind }) => kind === null },
    ),
  );
const scalars = fc.oneof(
  column<Cell, string>(
    "name",
    (row) => row.name,
    names,
    (value) => value,
  ),
  column<Cell, bigint>("size", (row) => row.size, sizes, String),
  column<Cell, number>(
    "depth",
    (row) => row.depth,
    depths,
    (value) => value,
  ),
  column<Cell, string>(
    "seen",
    (row) => row.seen?.replace("Z", "") ?? null,
    times.map((time) => time?.replace("Z", "") ?? null),
    (value) => `${value}Z`,
  ),
  texts,
  flags,
  enums,
);
const rigFilter = column<Rig, string>(
  "name",
  (row) => row.name,
  ["left", "right"],
  (value) => value,
);
const spikeFilter = column<Spike, string>(
  "label",
  (row) => row.label,
  ["x", "y"],
  (value) => value,
);

const related: fc.Arbitrary<Both<Cell>> = fc.oneof(
  rigFilter.map(({ filter, holds }) => ({
    filter: { rig: filter },
    holds: (row: Cell) => rigs.some((rig) => rig.rig === row.rig && holds(rig)),
  })),
  fc.tuple(fc.constantFrom("some", "every", "none"), spikeFilter).map(([quantifier, { filter, holds }]) => ({
    filter: { spikes: { [quantifier]: filter } },
    holds: (row: Cell) => {
      const own = spikes.filter(({ cell }) => cell === row.cell);
      if (quantifier === "some") return own.some(holds);
      return quantifier === "every" ? own.every(holds) : !own.some(holds);
    },
  })),
);

const filters = fc.letrec<{ tree: Both<Cell> }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalars,
    related,
    fc.array(tie("tree"), { maxLength: 3 }).map((parts) => ({
      filter: { and: parts.map(({ filter }) => filter) },
      holds: (row: Cell) => parts.every(({ holds }) => holds(row)),
    })),
    fc.array(tie("tree"), { maxLength: 3 }).map((parts) => ({
      filter: { or: parts.map(({ filter }) => filter) },
      holds: (row: Cell) => parts.some(({ holds }) => holds(row)),
    })),
    tie("tree").map(({ filter, holds }) => ({ filter: { not: filter }, holds: (row: Cell) => !holds(row) })),
  ),
})).tree;

const listed = `query($where: CellFilter) { cells(first: 1000, where: $where) { totalCount nodes { cell } } }`;

describe("filters", () => {
  test("take the rows that the oracle takes, in one statement", async () => {
    await fc.assert(
      fc.asyncProperty(filters, async ({ filter, holds }) => {
        lab.statements.length = 0;
        const data = await lab.data(listed, { where: filter });
        expect(lab.statements).toHaveLength(1);
        const expected = cells.filter(holds).map(({ cell }) => cell);
        expect(data.cells.nodes.map((node: Answer) => node.cell)).toEqual(expected);
        expect(data.cells.totalCount).toBe(expected.length);
      }),
      { numRuns: 150 },
    );
  });

  test("values are parameters: no value is in the statement", async () => {
    lab.statements.length = 0;
    await lab.data(listed, { where: { name: { eq: "'; DROP TABLE lab.cell; --" } } });
    expect(lab.statements.join()).not.toContain("DROP");
    expect((await lab.data(listed, {})).cells.totalCount).toBe(cells.length);
  });

  test("filters of equal shape share one statement", async () => {
    lab.statements.length = 0;
    for (const eq of ["a", "b", "c"]) await lab.data(listed, { where: { name: { eq } } });
    expect(new Set(lab.statements).size).toBe(1);
  });

  test("null as an operand is refused with the remedy; a null filter is none", async () => {
    const fault = await lab.fault(listed, { where: { name: { eq: null } } });
    expect(fault).toMatchObject({ code: "BAD_USER_INPUT", extensions: { field: "where.name.eq" } });
    expect(fault.message).toContain("isNull");
    expect((await lab.data(listed, { where: null })).cells.totalCount).toBe(cells.length);
  });

  test("a pattern that ends in the middle of an escape is refused whatever the rows hold", async () => {
    for (const operator of ["like", "ilike"]) {
      for (const pattern of ["\\", "no such name\\", "a\\\\\\"]) {
        const fault = await lab.fault(listed, { where: { name: { [operator]: pattern } } });
        expect(fault).toMatchObject({
          code: "BAD_USER_INPUT",
          extensions: { field: `where.name.${operator}` },
        });
      }
      const { cells: found } = await lab.data(listed, { where: { name: { [operator]: "a\\\\b" } } });
      expect(found.totalCount).toBe(cells.filter(({ name }) => name === "a\\b").length);
    }
  });

  test("variables inside filters, and absent ones", async () => {
    const query = `query($name: String, $in: [String!]) { cells(first: 1000, where: {name: {startsWith: $name, in: $in}}) { totalCount } }`;
    expect((await lab.data(query, {})).cells.totalCount).toBe(cells.length);
    const expected = cells.filter(({ name }) => name === "a").length;
    expect((await lab.data(query, { in: ["a"] })).cells.totalCount).toBe(expected);
  });
});

const terms = ["name", "size", "depth", "kind", "seen", "isAlive"] as const;

function ranked(row: Cell, field: (typeof terms)[number]): Ordered | null {
  const value = row[field];
  if (field === "kind") return value === null ? null : kinds.indexOf(String(value));
  if (field === "seen") return value === null ? null : String(value).replace("Z", "");
  return typeof value === "boolean" ? Number(value) : value;
}

describe("orders", () => {
  test("follow the oracle: bytes of text, enums as in the schema, null last ascending and first descending", async () => {
    const direction = fc.constantFrom("ASC", "DESC", "ASC_NULLS_FIRST", "DESC_NULLS_LAST");
    const orders = fc.array(fc.tuple(fc.constantFrom(...terms), direction), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(orders, async (orderBy) => {
        const data = await lab.data(
          `query($o: [CellOrderBy!]) { cells(first: 1000, orderBy: $o) { nodes { cell } } }`,
          {
            o: orderBy.map(([field, to]) => ({ [field]: to })),
          },
        );
        const expected = cells.toSorted((a, b) => {
          for (const [field, to] of orderBy) {
            const [x, y] = [ranked(a, field), ranked(b, field)];
            const nullsFirst = to === "ASC_NULLS_FIRST" || to === "DESC";
            if (x === null || y === null) {
              if (x === y) continue;
              return (x === null) === nullsFirst ? -1 : 1;
            }
            const by = order(x, y);
            if (by !== 0) return to.startsWith("DESC") ? -by : by;
          }
          return a.cell - b.cell;
        });
        expect(data.cells.nodes.map((node: Answer) => node.cell)).toEqual(expected.map(({ cell }) => cell));
      }),
      { numRuns: 60 },
    );
  });
});
