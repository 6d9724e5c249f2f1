/**
 * What PostgreSQL does for a page at a cursor in a large table, told by EXPLAIN of the statement that a request became, with the plan for its
 * values and with the one for any values: the page is looked up by an index, and rows before it are not walked through.
 */

import { beforeAll, describe, expect, test } from "vitest";
import { openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(`
  type Crate @table { crate: Int! @key  label: String }
  type Item @table @index(fields: ["rank"]) @index(fields: ["made"]) @index(fields: ["kind", "weight"]) {
    item: Int! @key  code: String! @unique  rank: Int!  made: DateTime  kind: String!  weight: Int!  crate: Crate
  }
  type Part @table @index(fields: ["crate", "size"]) { crate: Crate! @key  part: Int! @key  size: Int  text: String }
`);

beforeAll(async () => {
  await lab.db.query(`INSERT INTO lab.crate SELECT g, 'c' || g FROM generate_series(1, 10) g`);
  await lab.db.query(
    `INSERT INTO lab.item SELECT (g::bigint * 7919) % 50021, 'code ' || md5(g::text), g * 31 % 10007,
       CASE WHEN g % 5 > 0 THEN timestamp '2026-01-01' + (g * 7 % 9973) * interval '1 min' END,
       'k' || g % 100, g * 13 % 997, CASE WHEN g % 3 > 0 THEN g % 11 END FROM generate_series(1, 50000) g WHERE g % 11 BETWEEN 1 AND 10`,
  );
  await lab.db.query(
    `INSERT INTO lab.part SELECT c, p, CASE WHEN p % 4 > 0 THEN p * 11 % 997 END, md5(c::text || p)
       FROM generate_series(1, 10) c, generate_series(1, 5000) p ORDER BY md5(c::text || p)`,
  );
  await lab.db.query("VACUUM ANALYZE");
});

/** A node of a plan, as EXPLAIN tells it in JSON. */
interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Index Cond"?: string;
  readonly "Recheck Cond"?: string;
  readonly "Actual Loops": number;
  readonly "Actual Rows": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly PlanNode[];
}

const modes = ["custom", "generic"] as const;

/** Scans of `table` that ran for the last statement. */
async function scansOf(table: string, mode: (typeof modes)[number]): Promise<readonly PlanNode[]> {
  const { text, values } = lab.calls.at(-1) ?? { text: "", values: [] };
  return await lab.db.transaction(async (transaction) => {
    await transaction.query(`SET LOCAL plan_cache_mode = force_${mode}_plan`);
    await transaction.query(`PREPARE page AS ${text}`);
    const given = values.map((value) => `'${String(value).replaceAll("'", "''")}'`).join(", ");
    const explain = `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE page(${given})`;
    const { rows } = await transaction.query<{ "QUERY PLAN": string }>(explain);
    await transaction.query("DEALLOCATE page");
    return nodes(rows.flatMap((row) => planOf(row["QUERY PLAN"]))).filter(
      (node) => node["Relation Name"] === table && node["Actual Loops"] > 0,
    );
  });
}

function planOf(text: string): readonly PlanNode[] {
  const explained: readonly { readonly Plan: PlanNode }[] = JSON.parse(text);
  return explained.map(({ Plan }) => Plan);
}

function nodes(plans: readonly PlanNode[]): readonly PlanNode[] {
  return plans.flatMap((plan) => [plan, ...nodes(plan.Plans ?? [])]);
}

const pageInfo = "pageInfo { startCursor endCursor hasNextPage hasPreviousPage }";

interface Case {
  readonly orderBy: string;
  /** Index that must serve it, and what it must be asked for. */
  readonly index: string;
  readonly bound: RegExp;
  readonly where?: string;
  /** Rows that share the cursor's value of the index, which PostgreSQL must sort. */
  readonly ties?: number;
}

const made = { index: "idx_item_made", bound: /made (<|>|IS NULL)/, ties: 12 };

const orders: readonly Case[] = [
  { orderBy: "[]", index: "item_pkey", bound: /item [<>]/ },
  { orderBy: "[{item: DESC}]", index: "item_pkey", bound: /item [<>]/ },
  { orderBy: "[{rank: ASC}]", index: "idx_item_rank", bound: /rank [<>]=/, ties: 12 },
  { orderBy: "[{rank: DESC}]", index: "idx_item_rank", bound: /rank [<>]=/, ties: 12 },
  { orderBy: "[{rank: DESC}, {item: DESC}]", index: "idx_item_rank", bound: /rank [<>]=/, ties: 12 },
  { orderBy: "[{code: ASC}]", index: "idx_item_code", bound: /code\)?(::text)? [<>]=/ },
  { orderBy: "[{code: DESC}]", index: "idx_item_code", bound: /code\)?(::text)? [<>]=/ },
  { orderBy: "[{made: ASC}]", ...made },
  { orderBy: "[{made: DESC}]", ...made },
  { orderBy: "[{made: ASC_NULLS_FIRST}]", ...made },
  { orderBy: "[{made: DESC_NULLS_LAST}]", ...made },
  { orderBy: "[{made: ASC}, {rank: DESC}]", ...made },
  {
    orderBy: "[{kind: ASC}, {weight: ASC}]",
    index: "idx_item_kind_weight",
    bound: /ROW\(.*kind.*weight\) [<>]=/,
  },
  {
    orderBy: "[{kind: ASC}, {weight: DESC}]",
    index: "idx_item_kind_weight",
    bound: /kind.* [<>]=/,
    ties: 460,
  },
  {
    orderBy: "[{rank: ASC}]",
    where: "{made: {isNull: false}}",
    index: "idx_item_rank",
    bound: /rank [<>]=/,
    ties: 12,
  },
  {
    orderBy: "[{weight: ASC}]",
    where: `{kind: {eq: "k7"}}`,
    index: "idx_item_kind_weight",
    bound: /kind.* = .*weight [<>]=/,
  },
];

const ends = [
  { name: "forward", size: "first", bound: "after", from: "endCursor" },
  { name: "backward", size: "last", bound: "before", from: "startCursor" },
] as const;

describe.each(modes)("the plan for %s values", (mode) => {
  describe.each(ends)("$name", ({ size, bound, from }) => {
    test.each(orders)("$orderBy", async ({ orderBy, index, bound: condition, where, ties = 0 }) => {
      const args = `orderBy: ${orderBy}${where === undefined ? "" : `, where: ${where}`}`;
      const middle = where === undefined ? 20_000 : 200;
      const { items } = await lab.data(`{ items(first: 10, offset: ${middle}, ${args}) { ${pageInfo} } }`);
      await lab.data(
        `query($cursor: String, $n: Int) { items(${size}: $n, ${bound}: $cursor, ${args}) { nodes { item } ${pageInfo} } }`,
        { cursor: items.pageInfo[from], n: 10 },
      );
      const scans = await scansOf("item", mode);
      for (const scan of scans) {
        expect(scan["Node Type"]).toMatch(/^Index (Only )?Scan$/);
        expect(scan["Index Name"]).toBe(index);
        expect(scan["Index Cond"]).toMatch(condition);
        expect(rowsRead(scan)).toBeLessThan(40 + 2 * ties);
      }
      // One finds the page, one whether there are rows on the other side.
      expect(scans).toHaveLength(2);
    });

    test.each(["ASC", "DESC", "ASC_NULLS_FIRST", "DESC_NULLS_LAST"])("nulls of {made: %s}", async (to) => {
      const args = `where: {made: {isNull: true}}, orderBy: [{made: ${to}}]`;
      const { items } = await lab.data(`{ items(first: 1, offset: 4000, ${args}) { ${pageInfo} } }`);
      await lab.data(
        `query($cursor: String) { items(${size}: 10, ${bound}: $cursor, orderBy: [{made: ${to}}]) { nodes { item } ${pageInfo} } }`,
        { cursor: items.pageInfo.endCursor },
      );
      for (const scan of await scansOf("item", mode)) {
        expect(scan["Node Type"]).toMatch(/^Index (Only )?Scan$|^Bitmap Heap Scan$/);
        // Rows without a value are equal for the index; the key tells them apart, which may be looked up as well.
        expect(`${scan["Index Cond"] ?? scan["Recheck Cond"]}`).toMatch(/made IS NULL|item [<>]/);
      }
    });

    test.each([
      { orderBy: "[]", condition: /crate = .*part [<>]|part [<>].*crate = / },
      { orderBy: "[{part: DESC}]", condition: /crate = .*part [<>]|part [<>].*crate = / },
      {
        orderBy: "[{size: ASC}]",
        condition: /crate = .*size|size.*crate = /,
      },
      {
        orderBy: "[{size: DESC}]",
        condition: /crate = .*size|size.*crate = /,
      },
    ])("lists of children, $orderBy", async ({ orderBy, condition }) => {
      const keys = Array.from({ length: 10 }, (_, index) => index + 1);
      const lists = (list: (key: number) => string) =>
        `{ ${keys.map((key) => `c${key}: crate(crate: ${key}) { parts(orderBy: ${orderBy}, ${list(key)}) { nodes { part } ${pageInfo} } }`).join(" ")} }`;
      const middle = await lab.data(lists(() => "first: 5, offset: 2500"));
      const cursor = (key: number) => JSON.stringify(middle[`c${key}`].parts.pageInfo[from]);
      await lab.data(lists((key) => `${size}: 5, ${bound}: ${cursor(key)}`));
      const scans = await scansOf("part", mode);
      expect(scans.length).toBeGreaterThanOrEqual(20);
      for (const scan of scans) {
        expect(scan["Node Type"]).toMatch(/^Index (Only )?Scan$/);
        expect(scan["Index Cond"]).toMatch(condition);
        // Five of a size at most, in each crate.
        expect(rowsRead(scan)).toBeLessThan(30);
        expect(scan["Shared Hit Blocks"] + scan["Shared Read Blocks"]).toBeLessThan(40);
      }
    });
  });

  test.each(["ASC_NULLS_FIRST", "DESC_NULLS_LAST"])("the first page of {made: %s}", async (to) => {
    await lab.data(
      `query($n: Int) { items(first: $n, orderBy: [{made: ${to}}, {item: ASC}]) { nodes { item } } }`,
      { n: 10 },
    );
    for (const scan of await scansOf("item", mode)) {
      expect(scan["Node Type"]).toMatch(/^Index (Only )?Scan$|^Bitmap Heap Scan$/);
      expect(`${scan["Index Cond"] ?? scan["Recheck Cond"]}`).toMatch(/made IS (NOT )?NULL/);
    }
  });
});

/** Rows that a scan looked at, of the page, one more, and what must be sorted with them. */
function rowsRead(scan: PlanNode): number {
  return scan["Actual Loops"] * (scan["Actual Rows"] + (scan["Rows Removed by Filter"] ?? 0));
}
