/** Aggregates at the edges: order by children, numbers at the ends of their range, what Float cannot carry, refusals, limits. */

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(
  `
  type Rig @table { rig: Int! @key  name: String }
  type Cell @table { cell: Int! @key  rig: Rig  name: String  depth: Float  gain: Float64  at: DateTime  tags: [String!]  extra: JSON  traces: NdArray @codec(name: "npy", store: "default") }
  type Spike @table { cell: Cell! @key  spike: Int! @key  label: String  width: Float  big: BigInt  isGood: Boolean }
  type Word @table { word: String! @key  aB: Int  a_B: Int }
`,
  { maxGroups: 7 },
);

interface Cell {
  readonly cell: number;
  readonly rig: number | null;
}
interface Spike {
  readonly cell: number;
  readonly label: string | null;
  readonly width: number | null;
  readonly big: bigint | null;
  readonly isGood: boolean | null;
}
const cells: readonly Cell[] = Array.from({ length: 7 }, (_, cell) => ({
  cell,
  rig: [null, 1, 2][cell % 3] ?? null,
}));
const spikes: readonly Spike[] = cells.flatMap(({ cell }) =>
  Array.from({ length: (cell * 2) % 5 }, (_, n) => ({
    cell,
    label: [null, "b", "a", "B"][(cell + n) % 4] ?? null,
    width: [null, 0.1, 0.2, 0.3, -7.7][(cell * 3 + n) % 5] ?? null,
    big: [null, 2n ** 63n - 1n, -5n][(cell + n) % 3] ?? null,
    isGood: [null, true, false][(cell + n) % 3] ?? null,
  })),
);

beforeAll(async () => {
  await lab.db.query("INSERT INTO lab.rig VALUES (1, 'left'), (2, NULL), (3, 'alone')");
  for (const { cell, rig } of cells) {
    await lab.db.query("INSERT INTO lab.cell (cell, rig, name, at) VALUES ($1, $2, 'c', '2026-01-01')", [
      cell,
      rig,
    ]);
  }
  for (const [spike, row] of spikes.entries()) {
    await lab.db.query(
      "INSERT INTO lab.spike (cell, spike, label, width, big, is_good) VALUES ($1, $2, $3, $4, $5, $6)",
      [row.cell, spike, row.label, row.width, row.big, row.isGood],
    );
  }
});

type Told = number | bigint | string | null;
const compare = (a: Told, b: Told) => {
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return (a ?? 0) < (b ?? 0) ? -1 : (a ?? 0) > (b ?? 0) ? 1 : 0;
};
const smallest = (values: readonly Told[]) =>
  [...values].filter((value) => value !== null).sort(compare)[0] ?? null;
const largest = (values: readonly Told[]) =>
  [...values]
    .filter((value) => value !== null)
    .sort(compare)
    .at(-1) ?? null;
const total = (values: readonly (bigint | null)[]) => {
  const given = values.filter((value) => value !== null);
  return given.length === 0 ? null : given.reduce((sum, value) => sum + value, 0n);
};
const own = (cell: number) => spikes.filter((spike) => spike.cell === cell);

/** Orders of cells by their spikes, and what the oracle orders by. */
const orders: readonly { readonly order: (to: string) => object; readonly of: (cell: Cell) => Told }[] = [
  { order: (to) => ({ spikes: { count: to } }), of: ({ cell }) => own(cell).length },
  {
    order: (to) => ({ spikes: { max: { label: to } } }),
    of: ({ cell }) => largest(own(cell).map(({ label }) => label)),
  },
  {
    order: (to) => ({ spikes: { min: { width: to } } }),
    of: ({ cell }) => smallest(own(cell).map(({ width }) => width)),
  },
  {
    order: (to) => ({ spikes: { sum: { big: to } } }),
    of: ({ cell }) => total(own(cell).map(({ big }) => big)),
  },
  {
    order: (to) => ({ spikes: { min: { isGood: to } } }),
    of: ({ cell }) => smallest(own(cell).map(({ isGood }) => (isGood === null ? null : Number(isGood)))),
  },
  {
    order: (to) => ({ rig: { cells: { count: to } } }),
    of: ({ rig }) => (rig === null ? null : cells.filter((other) => other.rig === rig).length),
  },
  {
    order: (to) => ({ rig: { cells: { max: { spikes: { count: to } } } } }),
    of: ({ rig }) =>
      rig === null
        ? null
        : largest(cells.filter((other) => other.rig === rig).map(({ cell }) => own(cell).length)),
  },
];

const pages = `query($orderBy: [CellOrderBy!], $first: Int, $after: String, $last: Int, $before: String) {
  cells(orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) { nodes { cell } pageInfo { endCursor startCursor hasNextPage hasPreviousPage } } }`;

describe("orders by children", () => {
  test("follow the oracle, and cursors walk them from both ends", async () => {
    const term = fc.tuple(
      fc.constantFrom(...orders),
      fc.constantFrom("ASC", "DESC", "ASC_NULLS_FIRST", "DESC_NULLS_LAST"),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(term, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 4 }),
        async (terms, size) => {
          const orderBy = terms.map(([{ order }, to]) => order(to));
          const expected = [...cells]
            .sort((a, b) => terms.reduce((sign, [{ of }, to]) => sign || directed(to, of(a), of(b)), 0))
            .map(({ cell }) => cell);
          const forward: number[] = [];
          for (let after: string | null = null, more = true; more; ) {
            const { cells: page }: Answer = await lab.data(pages, { orderBy, first: size, after });
            forward.push(...page.nodes.map((node: Answer) => node.cell));
            after = page.pageInfo.endCursor;
            more = page.pageInfo.hasNextPage;
          }
          expect(forward).toEqual(expected);
          const backward: number[] = [];
          for (let before: string | null = null, more = true; more; ) {
            const { cells: page }: Answer = await lab.data(pages, { orderBy, last: size, before });
            backward.unshift(...page.nodes.map((node: Answer) => node.cell));
            before = page.pageInfo.startCursor;
            more = page.pageInfo.hasPreviousPage;
          }
          expect(backward).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("by sums of floats page without loss", async () => {
    for (const measure of ["sum", "avg"]) {
      const orderBy = [{ spikes: { [measure]: { width: "ASC" } } }];
      const whole = await lab.data(pages, { orderBy });
      const seen: number[] = [];
      for (let after: string | null = null, more = true; more; ) {
        const { cells: page }: Answer = await lab.data(pages, { orderBy, first: 1, after });
        seen.push(...page.nodes.map((node: Answer) => node.cell));
        after = page.pageInfo.endCursor;
        more = page.pageInfo.hasNextPage;
      }
      expect(seen).toEqual(whole.cells.nodes.map((node: Answer) => node.cell));
      expect(new Set(seen).size).toBe(cells.length);
    }
  });

  test("a cursor of another measure is refused, and sums of what is no number", async () => {
    const { cells: page } = await lab.data(pages, { orderBy: [{ spikes: { count: "ASC" } }], first: 1 });
    const other = await lab.fault(pages, {
      orderBy: [{ spikes: { sum: { big: "ASC" } } }],
      after: page.pageInfo.endCursor,
    });
    expect(other.code).toBe("BAD_USER_INPUT");
    const text = await lab.fault(pages, { orderBy: [{ spikes: { sum: { label: "ASC" } } }] });
    expect(text).toMatchObject({ code: "BAD_USER_INPUT", extensions: { field: "orderBy" } });
    expect(text.message).toBe(
      "orderBy: sum needs a number, which label of Spike is not. Order by its min or max, or by count.",
    );
    expect((await lab.fault(pages, { orderBy: [{ spikes: {} }] })).code).toBe("BAD_USER_INPUT");
  });
});

function directed(to: string, a: Told, b: Told): number {
  const isDown = to.startsWith("DESC");
  const nullsFirst = to.endsWith("NULLS_FIRST") || (isDown && !to.endsWith("NULLS_LAST"));
  if (a === null || b === null) return (Number(a === null) - Number(b === null)) * (nullsFirst ? -1 : 1);
  return compare(a, b) * (isDown ? -1 : 1);
}

async function setGains(gains: readonly (number | string | null)[]) {
  await lab.db.query("UPDATE lab.cell SET gain = NULL");
  for (const [cell, gain] of gains.entries()) {
    await lab.db.query("UPDATE lab.cell SET gain = $2 WHERE cell = $1", [
      cell,
      gain === null ? null : String(gain),
    ]);
  }
  const data = await lab.data(
    "{ cells { aggregate { sum { gain } avg { gain } min { gain } max { gain } } } }",
  );
  const { sum, avg, min, max } = data.cells.aggregate;
  return { sum: sum.gain, avg: avg.gain, min: min.gain, max: max.gain };
}

describe("floats", () => {
  const most = Number.MAX_VALUE;
  const least = Number.MIN_VALUE;
  test.each([
    [
      "beyond the largest are infinite, their average is not",
      [most, most],
      { sum: "Infinity", avg: most, min: most, max: most },
    ],
    ["negative likewise", [-most, -most, -most], { sum: "-Infinity", avg: -most, min: -most, max: -most }],
    [
      "that meet again within the range are exact",
      [most, most, -most],
      { sum: most, avg: most / 3, min: -most, max: most },
    ],
    ["large and small together", [1e300, 1, -1e300, 2], { sum: 3, avg: 0.75, min: -1e300, max: 1e300 }],
    [
      "whose squares are beyond the range",
      [1e200, 3e200],
      { sum: 4e200, avg: 2e200, min: 1e200, max: 3e200 },
    ],
    ["at the smallest", [least, 0], { sum: least, avg: 0, min: 0, max: least }],
    [
      "at the smallest, rounded to even",
      [least, least, 0],
      { sum: 2 * least, avg: least, min: 0, max: least },
    ],
    ["with NaN, which is above every number", [1, "NaN"], { sum: "NaN", avg: "NaN", min: 1, max: "NaN" }],
    ["with an infinity", [1, "-Infinity"], { sum: "-Infinity", avg: "-Infinity", min: "-Infinity", max: 1 }],
    [
      "with both infinities",
      ["Infinity", "-Infinity"],
      { sum: "NaN", avg: "NaN", min: "-Infinity", max: "Infinity" },
    ],
    ["none", [], { sum: null, avg: null, min: null, max: null }],
    ["zero has no sign", ["-0"], { sum: 0, avg: 0, min: 0, max: 0 }],
  ])("%s", async (_, gains, expected) => {
    const answer = await setGains(gains);
    expect(answer).toEqual(expected);
  });

  test("that Float cannot carry are faults of their places; the rest of the answer stands", async () => {
    await lab.db.query("UPDATE lab.cell SET depth = CASE cell WHEN 0 THEN float8 'NaN' WHEN 1 THEN 2 END");
    const query =
      "{ cells { aggregate { count s: sum { depth } max { d: depth cell } min { depth } } groupBy(by: [DEPTH]) { key { depth } aggregate { max { depth } } } } }";
    const answer = await lab.ask(query);
    expect(answer.errors?.map(({ path, extensions }) => [path?.join("."), extensions?.["code"]])).toEqual([
      ["cells.aggregate.max.d", "VALUE_NOT_FINITE"],
      ["cells.groupBy.1.key.depth", "VALUE_NOT_FINITE"],
      ["cells.groupBy.1.aggregate.max.depth", "VALUE_NOT_FINITE"],
    ]);
    const data: Answer = answer.data;
    expect(data.cells.aggregate).toEqual({
      count: 7,
      s: { depth: "NaN" },
      max: { d: null, cell: 6 },
      min: { depth: 2 },
    });
    expect(data.cells.groupBy.map((group: Answer) => group.key.depth)).toEqual([2, null, null]);
    await lab.db.query("UPDATE lab.cell SET depth = NULL");
  });
});

const byCell =
  "query($by: [SpikeGroupKey!]!, $first: Int) { spikes { groupBy(by: $by, first: $first) { key { cell spike } } totalCount } }";

describe("limits and refusals", () => {
  test("more groups than there may be are refused by number and setting, at their path", async () => {
    expect((await lab.data(byCell, { by: ["CELL"] })).spikes.groupBy).toHaveLength(5);
    const fault = await lab.fault(byCell, { by: ["SPIKE"] });
    expect(fault).toMatchObject({
      code: "LIMIT_EXCEEDED",
      path: ["spikes", "groupBy"],
      extensions: { limit: 7, setting: "HOLDFAST_MAX_GROUPS" },
    });
    expect((await lab.data(byCell, { by: ["SPIKE"], first: 7 })).spikes.groupBy).toHaveLength(7);
    const first = await lab.fault(byCell, { by: ["SPIKE"], first: 8 });
    expect(first.message).toBe(
      "first: 8 groups are more than one list may have, 7 (HOLDFAST_MAX_GROUPS). Group by less, filter by where or having, or give a smaller first.",
    );
  });

  test("in a child list they are a fault of that list, whose row falls out by the rules of null", async () => {
    await lab.db.query("INSERT INTO lab.spike (cell, spike) SELECT 0, 1000 + n FROM generate_series(1, 8) n");
    const answer = await lab.ask(
      "{ rigs { totalCount } a: cell(cell: 0) { spikes { groupBy(by: [SPIKE]) { key { spike } } } } b: cell(cell: 0) { spikes { groupBy(by: [CELL]) { aggregate { count } } } } }",
    );
    await lab.db.query("DELETE FROM lab.spike WHERE cell = 0");
    expect(answer.errors?.map(({ path }) => path)).toEqual([["a", "spikes", "groupBy"]]);
    expect(answer.data).toEqual({
      rigs: { totalCount: 3 },
      a: null,
      b: { spikes: { groupBy: [{ aggregate: { count: 8 } }] } },
    });
  });

  test("no key, a negative first and null conditions are refused by name", async () => {
    const faults = [
      "{ cells { groupBy(by: []) { key { cell } } } }",
      "{ cells { groupBy(by: [CELL], first: -1) { key { cell } } } }",
      "{ cells { groupBy(by: [CELL], having: {count: {gt: null}}) { key { cell } } } }",
      "{ cells { groupBy(by: [CELL], having: {sum: {gain: null}}) { key { cell } } } }",
      "{ cells { groupBy(by: [CELL], having: {not: null}) { key { cell } } } }",
    ].map((query) => lab.fault(query));
    for (const fault of await Promise.all(faults)) expect(fault.code).toBe("BAD_USER_INPUT");
    expect((await Promise.all(faults)).map(({ message }) => message)).toMatchInlineSnapshot(`
      [
        "by: name at least one key; for all rows together use aggregate.",
        "first is -1; give 0 or a positive number.",
        "The filter having.count.gt is null. Leave it out, or ask for rows without a value by isNull: true.",
        "The condition having.sum.gain is null. Leave it out, or ask for groups without a value by isNull: true.",
        "The condition having.not is null. Leave it out, or ask for groups without a value by isNull: true.",
      ]
    `);
    expect((await lab.fault("{ cells { groupBy(by: [TRACES]) { key { cell } } } }")).code).toBe(
      "GRAPHQL_VALIDATION_FAILED",
    );
    expect((await lab.fault("{ cells { aggregate { sum { name } } } }")).code).toBe(
      "GRAPHQL_VALIDATION_FAILED",
    );
  });
});

describe("statements", () => {
  test("differ by keys, orders and operators, never by values", async () => {
    const query =
      "query($by: [CellGroupKey!]!, $having: CellHaving, $orderBy: [CellAggregateOrderBy!], $first: Int) { cells { groupBy(by: $by, having: $having, orderBy: $orderBy, first: $first) { aggregate { count } } } }";
    const text = async (variables: Record<string, unknown>) => {
      lab.statements.length = 0;
      await lab.data(query, variables);
      expect(lab.statements).toHaveLength(1);
      return lab.statements[0] ?? "";
    };
    const one = await text({ by: ["NAME"], having: { max: { name: { eq: "'; DROP" } } }, first: 1 });
    expect(await text({ by: ["NAME"], having: { max: { name: { eq: "y" } } }, first: 2 })).toBe(one);
    expect(one).not.toContain("DROP");
    const others = [
      await text({
        by: ["CELL"],
        having: { max: { name: { eq: "y" } } },
        first: 2,
      }),
      await text({ by: ["NAME"], having: { min: { name: { eq: "y" } } }, first: 2 }),
      await text({
        by: ["NAME"],
        having: { max: { name: { eq: "y" } } },
        first: 2,
        orderBy: [{ count: "ASC" }],
      }),
      await text({ by: ["NAME"] }),
    ];
    expect(new Set([one, ...others]).size).toBe(5);
  });

  test("hold only what is selected, through fragments, aliases and directives", async () => {
    const query = `query($no: Boolean!) { cells { a: aggregate { count ...More @skip(if: $no) } g: groupBy(by: [RIG]) @skip(if: $no) { key { rig } } } }
      fragment More on CellAggregate { deepest: max { d: depth } ... on CellAggregate { max { cell } } }`;
    lab.statements.length = 0;
    expect(await lab.data(query, { no: true })).toEqual({ cells: { a: { count: 7 } } });
    expect(lab.statements[0]).not.toMatch(/max\(|GROUP BY/);
    expect((await lab.data(query, { no: false })).cells.a).toEqual({
      count: 7,
      deepest: { d: null },
      max: { cell: 6 },
    });
  });

  test("answer aggregates in a mutation's payload too", async () => {
    const answer = await lab.data(
      'mutation { createRig(input: {rig: 9, name: "new"}) { rig { rig cells { aggregate { count max { depth } } groupBy(by: [CELL]) { key { cell } } } } } }',
    );
    expect(answer.createRig.rig).toEqual({
      rig: 9,
      cells: { aggregate: { count: 0, max: { depth: null } }, groupBy: [] },
    });
    await lab.data("mutation { deleteRig(key: {rig: 9}) { affected { count } } }");
  });

  test("tell apart fields whose names differ by an underscore only", async () => {
    await lab.db.query("INSERT INTO lab.word VALUES ('w', 1, 2)");
    const keys = await lab.data('{ __type(name: "WordGroupKey") { enumValues { name } } }');
    expect(keys.__type.enumValues).toEqual([{ name: "WORD" }, { name: "A_B" }, { name: "A_B_2" }]);
    const answer = await lab.data("{ words { groupBy(by: [A_B_2, WORD]) { key { aB a_B word } } } }");
    expect(answer.words.groupBy).toEqual([{ key: { aB: null, a_B: 2, word: "w" } }]);
  });
});
