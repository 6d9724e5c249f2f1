/** Pages from every cursor, in random orders over rows with nulls and ties, against a sort in JavaScript. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Answer, openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(`
  type Box @table @index(fields: ["a"]) { box: Int! @key  a: Int  c: String }
  type Item @table @index(fields: ["a"]) @index(fields: ["d", "b"]) @index(fields: ["box", "c"]) {
    box: Box! @key  item: Int! @key  a: Int  b: Int  c: String  d: Int!  kind: Kind  twin: Box @reference(columns: ["twin"]) @reverse(name: "twins")
  }
  enum Kind { RED GREEN BLUE }
`);

const kinds = ["RED", "GREEN", "BLUE"];

interface Box {
  readonly box: number;
  readonly a: number | null;
  readonly c: string | null;
}
interface Item extends Box {
  readonly item: number;
  readonly b: number | null;
  readonly d: number;
  readonly kind: string | null;
  readonly twin: number | null;
}
type Value = number | string | null;

interface Rows {
  readonly boxes: readonly Box[];
  readonly items: readonly Item[];
}

const few = fc.option(fc.integer({ min: 0, max: 2 }), { nil: null });
const letter = fc.option(fc.constantFrom("x", "y"), { nil: null });
const rows: fc.Arbitrary<Rows> = fc
  .uniqueArray(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 4 })
  .chain((keys) =>
    fc.record({
      boxes: fc.tuple(...keys.map((box) => fc.record({ box: fc.constant(box), a: few, c: letter }))),
      items: fc.uniqueArray(
        fc.record({
          box: fc.constantFrom(...keys),
          item: fc.integer({ min: 0, max: 6 }),
          a: few,
          b: few,
          c: letter,
          d: fc.integer({ min: 0, max: 1 }),
          kind: fc.option(fc.constantFrom(...kinds), { nil: null }),
          twin: fc.option(fc.constantFrom(...keys), { nil: null }),
        }),
        { selector: ({ box, item }) => `${box} ${item}`, minLength: 6, maxLength: 12 },
      ),
    }),
  );

/** What items can be ordered by: as a request says it, and as JavaScript reads it. */
const readers: Readonly<Record<string, (item: Item, boxes: ReadonlyMap<number, Box>) => Value>> = {
  "item: $": ({ item }) => item,
  "a: $": ({ a }) => a,
  "b: $": ({ b }) => b,
  "c: $": ({ c }) => c,
  "d: $": ({ d }) => d,
  "kind: $": ({ kind }) => (kind === null ? null : kinds.indexOf(kind)),
  "box: { box: $ }": ({ box }) => box,
  "box: { a: $ }": ({ box }, boxes) => boxes.get(box)?.a ?? null,
  "twin: { box: $ }": ({ twin }) => twin,
  "twin: { c: $ }": ({ twin }, boxes) => boxes.get(twin ?? -1)?.c ?? null,
};

const order = fc.uniqueArray(
  fc.record({
    by: fc.constantFrom(...Object.keys(readers)),
    to: fc.constantFrom(
      "ASC",
      "DESC",
      "ASC_NULLS_FIRST",
      "ASC_NULLS_LAST",
      "DESC_NULLS_FIRST",
      "DESC_NULLS_LAST",
    ),
  }),
  { selector: ({ by }) => by, maxLength: 3 },
);
type Order = readonly { readonly by: string; readonly to: string }[];

type Compare = (one: Item, other: Item) => number;

function comparing(by: Order, boxes: readonly Box[]): Compare {
  const byKey = new Map(boxes.map((box) => [box.box, box]));
  const all = [...by, { by: "box: { box: $ }", to: "ASC" }, { by: "item: $", to: "ASC" }];
  return (one, other) => {
    for (const { by: name, to } of all) {
      const read = readers[name];
      const [mine, theirs] = [read?.(one, byKey) ?? null, read?.(other, byKey) ?? null];
      if (mine === theirs) continue;
      const sign = to.startsWith("DESC") ? -1 : 1;
      const nullsFirst = to.endsWith("FIRST") || to === "DESC";
      if (mine === null) return nullsFirst ? -1 : 1;
      if (theirs === null) return nullsFirst ? 1 : -1;
      return (mine < theirs ? -1 : 1) * sign;
    }
    return 0;
  };
}

interface Page {
  readonly after?: Item;
  readonly before?: Item;
  readonly first?: number;
  readonly last?: number;
  readonly offset?: number;
}

/** What the page of a sorted list is; the cursors may be of rows that are not in it. */
function expected(list: readonly Item[], compare: Compare, page: Page) {
  const { after, before, first, last, offset = 0 } = page;
  const beyond = (item: Item) => after === undefined || compare(item, after) > 0;
  const within = (item: Item) => before === undefined || compare(item, before) < 0;
  const window = list.filter((item) => beyond(item) && within(item));
  const start = last === undefined ? offset : Math.max(window.length - last, 0);
  const rowsOf = window.slice(start, last === undefined ? start + (first ?? 0) : undefined);
  const outsideAfter = !list.every(beyond);
  const outsideBefore = !list.every(within);
  return {
    nodes: rowsOf.map(({ box, item }) => ({ box: { box }, item })),
    pageInfo: {
      hasNextPage: outsideBefore || (last === undefined && window.length > start + rowsOf.length),
      hasPreviousPage: outsideAfter || (last === undefined ? offset > 0 && window.length > 0 : start > 0),
    },
  };
}

function requested(page: Page, cursors: ReadonlyMap<Item, string>, orderBy: string): string {
  const cursor = (item: Item | undefined) => item && JSON.stringify(cursors.get(item));
  const given = { ...page, after: cursor(page.after), before: cursor(page.before) };
  const parts = Object.entries(given).filter(([, value]) => value !== undefined);
  const args = parts.map(([name, value]) => `${name}: ${String(value)}`);
  return `items(${[...args, orderBy].join(", ")}) { nodes { box { box } item } pageInfo { hasNextPage hasPreviousPage } }`;
}

async function fill({ boxes, items }: Rows): Promise<void> {
  await lab.db.query("TRUNCATE lab.box, lab.item");
  const insert = (table: string, list: readonly object[]) =>
    lab.db.query(`INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`, [
      JSON.stringify(list),
    ]);
  await insert("lab.box", boxes);
  await insert("lab.item", items);
}

/** A page from each row in both directions, and some with both ends or an offset. */
function pagesOf(sorted: readonly Item[], picks: readonly number[]): readonly Page[] {
  const at = (pick: number) => sorted[pick % sorted.length];
  const single = sorted.flatMap((item): Page[] => [
    { after: item, first: 3 },
    { before: item, last: 3 },
    { after: item, last: 2 },
    { before: item, first: 2 },
  ]);
  const others = picks.flatMap((pick): Page[] => {
    const [after, before] = [at(pick), at(Math.floor(pick / 13))];
    if (after === undefined || before === undefined) return [];
    return [
      { after, before, first: 3 },
      { after, before, last: 2 },
      { after, first: 2, offset: pick % 3 },
      { after, before, first: 2, offset: pick % 4 },
    ];
  });
  return [...single, ...others];
}

const named = (parts: readonly string[]) => `{ ${parts.map((part, n) => `p${n}: ${part}`).join(" ")} }`;

describe("cursors", () => {
  const picks = fc.array(fc.nat(1000), { minLength: 2, maxLength: 3 });

  test("every page of every order is the slice of the sorted list, in whole lists and lists of children", async () => {
    const shape = fc.record({ rows, orders: fc.array(order, { minLength: 3, maxLength: 3 }), picks });
    await fc.assert(
      fc.asyncProperty(shape, async ({ rows: { boxes, items }, orders, picks: at }) => {
        await fill({ boxes, items });
        for (const by of orders) await checkOrder({ boxes, items }, by, at);
      }),
      { numRuns: Number(process.env["FC_RUNS"] ?? 8) },
    );
  });
});

async function checkOrder({ boxes, items }: Rows, by: Order, picks: readonly number[]): Promise<void> {
  const compare = comparing(by, boxes);
  const sorted = items.toSorted(compare);
  const orderBy = `orderBy: [${by.map(({ by: name, to }) => `{ ${name.replace("$", to)} }`).join(", ")}]`;
  const { items: whole }: Answer = await lab.data(
    `{ items(first: 100, ${orderBy}) { edges { cursor node { box { box } item } } } }`,
  );
  const edges: { cursor: string; node: unknown }[] = whole.edges;
  expect(edges.map(({ node }) => node)).toEqual(sorted.map(({ box, item }) => ({ box: { box }, item })));
  const cursors = new Map(sorted.map((item, index) => [item, edges[index]?.cursor ?? ""]));
  const pages = pagesOf(sorted, picks);

  const answers = await lab.data(named(pages.map((page) => requested(page, cursors, orderBy))));
  for (const [n, page] of pages.entries())
    expect(answers[`p${n}`], JSON.stringify(page)).toEqual(expected(sorted, compare, page));

  const ofChildren = pages.filter((_, n) => n % 3 === 0);
  const selections = ofChildren.map((page, n) => `p${n}: ${requested(page, cursors, orderBy)}`);
  const { boxes: parents } = await lab.data(`{ boxes { nodes { box ${selections.join(" ")} } } }`);
  for (const parent of parents.nodes) {
    const own = sorted.filter(({ box }) => box === parent.box);
    for (const [n, page] of ofChildren.entries())
      expect(parent[`p${n}`], JSON.stringify([parent.box, page])).toEqual(expected(own, compare, page));
  }
}
