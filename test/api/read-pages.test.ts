/** Laws of pages: walking a list in any order, from either end, gives the whole list, once, and pageInfo never lies. */

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(`
  type Box @table { box: String! @key  weight: Float  colour: Colour  made: DateTime  lid: Lid }
  enum Colour { RED GREEN BLUE @value(name: "a blue") }
  type Lid @table { lid: Int! @key  name: String }
  type Item @table { box: Box! @key  slot: BigInt! @key  label: String  price: Decimal @column(type: "decimal(8,2)")  isNew: Boolean }
`);

beforeAll(async () => {
  await lab.db.query(`INSERT INTO lab.lid VALUES (1, 'round'), (2, NULL), (3, 'Round')`);
  const boxes = ["a", "b", "B", "é", "zz", "", "a b", "😀", "~", "10", "9"];
  for (const [index, box] of boxes.entries()) {
    await lab.db.query(`INSERT INTO lab.box (box, weight, colour, made, lid) VALUES ($1, $2, $3, $4, $5)`, [
      box,
      [null, "NaN", "Infinity", "-Infinity", "0.1", "0.1", "-0", "1e300"][index % 8],
      [null, "RED", "GREEN", "a blue"][index % 4],
      [
        null,
        "2026-01-01 00:00:00.000001",
        "2026-01-01 00:00:00.000002",
        "0001-01-01",
        "9999-12-31 23:59:59.999999",
      ][index % 5],
      [null, 1, 2, 3][index % 4],
    ]);
    for (let slot = 0; slot < index; slot++) {
      await lab.db.query(`INSERT INTO lab.item VALUES ($1, $2, $3, $4, $5)`, [
        box,
        slot === 0 ? "9223372036854775807" : slot === 1 ? "-9223372036854775808" : slot,
        [null, "x", "X", ""][slot % 4],
        [null, "1.50", "10.00", "-2.25"][(slot + index) % 4],
        [null, true, false][slot % 3],
      ]);
    }
  }
});

const direction = fc.constantFrom(
  "ASC",
  "DESC",
  "ASC_NULLS_FIRST",
  "ASC_NULLS_LAST",
  "DESC_NULLS_FIRST",
  "DESC_NULLS_LAST",
);
const boxOrder = fc
  .constantFrom("box", "weight", "colour", "made")
  .chain((field) => direction.map((to) => ({ [field]: to })));
const lidOrder = fc
  .constantFrom("lid", "name")
  .chain((field) => direction.map((to) => ({ lid: { [field]: to } })));
const itemOrder = fc.oneof(
  fc
    .constantFrom("slot", "label", "price", "isNew")
    .chain((field) => direction.map((to) => ({ [field]: to }))),
  fc.oneof(boxOrder, lidOrder).map((box) => ({ box })),
);

const orders = fc.array(itemOrder, { maxLength: 3 });

const pageQuery = `query($first: Int, $after: String, $last: Int, $before: String, $orderBy: [ItemOrderBy!]) {
  items(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
    totalCount nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

async function whole(orderBy: unknown): Promise<string[]> {
  const data = await lab.data(
    `query($orderBy: [ItemOrderBy!]) { items(first: 1000, orderBy: $orderBy) { nodes { id } } }`,
    { orderBy },
  );
  return data.items.nodes.map((node: { id: string }) => node.id);
}

describe("pages", () => {
  test("forward: all pages together are the list, and pageInfo tells what lies around", async () => {
    await fc.assert(
      fc.asyncProperty(orders, fc.integer({ min: 1, max: 20 }), async (orderBy, first) => {
        const expected = await whole(orderBy);
        const seen: string[] = [];
        for (let after: string | null = null; ; ) {
          const { items }: Answer = await lab.data(pageQuery, { first, after, orderBy });
          expect(items.totalCount).toBe(expected.length);
          expect(items.edges.map((edge: Answer) => edge.node.id)).toEqual(
            items.nodes.map((node: Answer) => node.id),
          );
          expect(items.pageInfo.hasPreviousPage).toBe(seen.length > 0);
          seen.push(...items.nodes.map((node: Answer) => node.id));
          expect(items.pageInfo.hasNextPage).toBe(seen.length < expected.length);
          expect(items.pageInfo.startCursor).toBe(items.edges[0].cursor);
          expect(items.pageInfo.endCursor).toBe(items.edges.at(-1).cursor);
          after = items.pageInfo.endCursor;
          if (!items.pageInfo.hasNextPage) break;
        }
        expect(seen).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  test("backward: the same list from its end", async () => {
    await fc.assert(
      fc.asyncProperty(orders, fc.integer({ min: 1, max: 20 }), async (orderBy, last) => {
        const expected = await whole(orderBy);
        let seen: string[] = [];
        for (let before: string | null = null; ; ) {
          const { items }: Answer = await lab.data(pageQuery, { last, before, orderBy });
          expect(items.pageInfo.hasNextPage).toBe(seen.length > 0);
          seen = [...items.nodes.map((node: Answer) => node.id), ...seen];
          expect(items.pageInfo.hasPreviousPage).toBe(seen.length < expected.length);
          expect(items.pageInfo.startCursor).toBe(items.edges[0].cursor);
          before = items.pageInfo.startCursor;
          if (!items.pageInfo.hasPreviousPage) break;
        }
        expect(seen).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  test("between two cursors lie exactly the rows between them", async () => {
    await fc.assert(
      fc.asyncProperty(orders, fc.nat(54), fc.nat(54), async (orderBy, one, other) => {
        const all = (await lab.data(pageQuery, { first: 1000, orderBy })).items.edges;
        const [from, to] = [Math.min(one, other), Math.max(one, other)];
        const bounds = { after: all[from].cursor, before: all[to].cursor, orderBy };
        const { items } = await lab.data(pageQuery, { first: 1000, ...bounds });
        expect(items.nodes.map((node: Answer) => node.id)).toEqual(
          all.slice(from + 1, to).map((edge: Answer) => edge.node.id),
        );
        expect(items.pageInfo).toMatchObject({ hasPreviousPage: true, hasNextPage: true });
      }),
      { numRuns: 30 },
    );
  });

  test("offset steps over rows", async () => {
    const expected = await whole([{ price: "DESC" }]);
    const { items } = await lab.data(
      `{ items(first: 5, offset: 7, orderBy: [{price: DESC}]) { nodes { id } pageInfo { hasPreviousPage hasNextPage } } }`,
    );
    expect(items.nodes.map((node: Answer) => node.id)).toEqual(expected.slice(7, 12));
    expect(items.pageInfo).toEqual({ hasPreviousPage: true, hasNextPage: true });
  });

  test("an empty page has no cursors", async () => {
    const { items } = await lab.data(
      `{ items(first: 0) { totalCount nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
    );
    expect(items).toEqual({
      totalCount: 55,
      nodes: [],
      edges: [],
      pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: null, endCursor: null },
    });
  });

  test("a page above the cap is refused by name and number, never clamped", async () => {
    const fault = await lab.fault(`{ boxes { nodes { items(first: 1001) { totalCount } } } }`);
    expect(fault).toMatchObject({ code: "LIMIT_EXCEEDED", extensions: { limit: 1000, field: "first" } });
    expect(fault.message).toContain("HOLDFAST_MAX_PAGE");
    const product = `{ boxes(first: 1000) { nodes { items(first: 1000) { nodes { box { items(first: 1000) { totalCount } } } } } } }`;
    expect((await lab.fault(product)).message).toContain("HOLDFAST_MAX_ROWS");
  });

  test("wrong combinations and foreign cursors are refused", async () => {
    const messages = [
      `{ items(first: 1, last: 1) { totalCount } }`,
      `{ items(last: 1, offset: 1) { totalCount } }`,
      `{ items(first: -1) { totalCount } }`,
      `{ items(after: "nonsense") { totalCount } }`,
      `{ items(after: "${Buffer.from('["xxxxxxxx", "a", "1"]').toString("base64")}") { totalCount } }`,
    ].map((query) => lab.fault(query));
    for (const fault of await Promise.all(messages)) expect(fault.code).toBe("BAD_USER_INPUT");
    expect((await Promise.all(messages)).map(({ message }) => message)).toMatchInlineSnapshot(`
      [
        "first and last exclude each other; give one of them.",
        "offset counts from the start, so it does not go with last.",
        "first is -1; give 0 or a positive number.",
        "after is no cursor of this list; give a cursor as this list with this order answered it.",
        "after is a cursor of another list or another order; page on with the orderBy that gave it.",
      ]
    `);
  });
});
