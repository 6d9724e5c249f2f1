/** Random sequences of writes, each answer and each state compared with a Map that does the same. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld(`
type Item @table { a: Int! @key  b: String! @key  name: String @unique  value: Int  rank: Int! @column(default: 3) }
type Leaf @table(partOf: "Item") { item: Item! @key  leaf: Int! @key }
type Note @table { note: Int! @key  item: Item! }
`);

interface Item {
  readonly a: number;
  readonly b: string;
  readonly name: string | null;
  readonly value: number | null;
  readonly rank: number;
  readonly leaves: number;
  /** Notes refer to an item and stop its delete. */
  readonly notes: number;
}
type Items = Map<string, Item>;

const a = fc.integer({ min: 0, max: 3 });
const b = fc.constantFrom("x", "y z", "é");
const name = fc.option(fc.constantFrom("n1", "n2", "n3"), { nil: null });
const value = fc.option(fc.integer({ min: -2, max: 2 }), { nil: null });
const given = { value, name, rank: fc.option(fc.integer({ min: 1, max: 4 }), { nil: null }) };
const input = fc.record({ a, b, ...given }, { requiredKeys: ["a", "b"] });
const patch = fc.record(given, { requiredKeys: [] });
const where = fc.oneof(
  fc.record({ a: fc.record({ lte: a }) }),
  fc.record({ b: fc.record({ eq: b }) }),
  fc.record({ value: fc.record({ gt: fc.integer({ min: -2, max: 2 }) }) }),
  fc.constant({ value: { isNull: true } }),
  fc.constant({ leaves: { some: {} } }),
  fc.record({ not: fc.record({ rank: fc.record({ eq: fc.constantFrom(3, 4) }) }) }),
  fc.constant({}),
);
const atMost = fc.constantFrom(0, 1, 2, 50);
const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("upsert" as const),
      input,
      on: fc.constantFrom("KEY", "NAME"),
      leaf: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("update" as const), where, set: patch, atMost }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("delete" as const),
      where,
      atMost,
      cascade: fc.boolean(),
      dryRun: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("note" as const), a, b }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
type Of<Kind> = Extract<Operation, { kind: Kind }>;
type Filter = Of<"update">["where"];

/** What the API must answer: an error's code, or the rows' keys with the counts. */
type Told =
  | string
  | { readonly keys: readonly string[]; readonly affected: Readonly<Record<string, number>> };

const keyOf = (item: { readonly a: number; readonly b: string }) => `${item.a} ${item.b}`;
const nonZero = (counts: Record<string, number>) =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));

function fits(item: Item, filter: Filter): boolean {
  if ("a" in filter) return item.a <= filter.a.lte;
  if ("b" in filter) return item.b === filter.b.eq;
  if ("leaves" in filter) return item.leaves > 0;
  if ("not" in filter) return item.rank !== filter.not.rank.eq;
  if (!("value" in filter)) return true;
  if ("isNull" in filter.value) return item.value === null;
  return item.value !== null && item.value > filter.value.gt;
}

function found(items: Items, filter: Filter): readonly Item[] {
  const all = [...items.values()].filter((item) => fits(item, filter));
  return all.toSorted(
    (one, other) => one.a - other.a || Buffer.compare(Buffer.from(one.b), Buffer.from(other.b)),
  );
}

/** Absent keeps, null clears or means the default. */
function patched(item: Item, set: Of<"update">["set"]): Item {
  const rank = set.rank === undefined ? item.rank : (set.rank ?? 3);
  return {
    ...item,
    rank,
    ...(set.name === undefined ? {} : { name: set.name }),
    ...(set.value === undefined ? {} : { value: set.value }),
  };
}

/** The items with some changed, or nothing where two would have one name. */
function changed(items: Items, changes: readonly Item[]): Items | undefined {
  const next = new Map(items);
  for (const item of changes) next.set(keyOf(item), item);
  const names = [...next.values()].flatMap((item) => item.name ?? []);
  return new Set(names).size === names.length ? next : undefined;
}

function modelled(items: Items, step: Operation): { readonly told: Told; readonly next: Items } {
  const refused = (code: string) => ({ told: code, next: items });
  if (step.kind === "note") {
    const item = items.get(keyOf(step));
    if (item === undefined) return refused("CONSTRAINT_VIOLATION");
    const next = changed(items, [{ ...item, notes: item.notes + 1 }]) ?? items;
    return { told: { keys: [], affected: { note: 1 } }, next };
  }
  if (step.kind === "upsert") return upserted(items, step);
  const rows = found(items, step.where);
  if (rows.length > step.atMost) return refused("LIMIT_EXCEEDED");
  const keys = rows.map(keyOf);
  if (step.kind === "update") {
    const next = changed(
      items,
      rows.map((item) => patched(item, step.set)),
    );
    if (next === undefined) return refused("CONSTRAINT_VIOLATION");
    const isEmpty = Object.keys(step.set).length === 0;
    return { told: { keys, affected: nonZero({ item: isEmpty ? 0 : rows.length }) }, next };
  }
  const sum = (of: (item: Item) => number) => rows.reduce((total, item) => total + of(item), 0);
  const notes = sum((item) => item.notes);
  if (notes > 0 && !step.cascade) return refused("CONSTRAINT_VIOLATION");
  const told = {
    keys,
    affected: nonZero({ item: rows.length, item__leaf: sum((item) => item.leaves), note: notes }),
  };
  const next = new Map([...items].filter(([key]) => !keys.includes(key)));
  return { told, next: step.dryRun ? items : next };
}

function upserted(items: Items, step: Of<"upsert">): { readonly told: Told; readonly next: Items } {
  const refused = (code: string) => ({ told: code, next: items });
  const { input: row, on, leaf } = step;
  if (on === "NAME" && (row.name ?? null) === null) return refused("BAD_USER_INPUT");
  const byName = [...items.values()].find((item) => item.name === row.name);
  const old = on === "KEY" ? items.get(keyOf(row)) : byName;
  if (old === undefined && items.has(keyOf(row))) return refused("CONSTRAINT_VIOLATION");
  const fresh = { a: row.a, b: row.b, name: null, value: null, rank: 3, leaves: 0, notes: 0 };
  const target = patched(old ?? fresh, row);
  const isChanged = old === undefined || JSON.stringify(target) !== JSON.stringify(old);
  const isNewLeaf = leaf && target.leaves === 0;
  const next = changed(items, [{ ...target, leaves: isNewLeaf ? 1 : target.leaves }]);
  if (next === undefined) return refused("CONSTRAINT_VIOLATION");
  const affected = nonZero({ item: isChanged ? 1 : 0, item__leaf: isNewLeaf ? 1 : 0 });
  return { told: { keys: [keyOf(target)], affected }, next };
}

let notes = 0;

function request(step: Operation): readonly [text: string, variables: Record<string, unknown>] {
  const many = "rows: items { a b } affected { table count }";
  switch (step.kind) {
    case "upsert":
      return [
        "mutation ($input: CreateItemInput!, $on: ItemUnique) { done: upsertItem(input: $input, on: $on) { row: item { a b } affected { table count } } }",
        { input: { ...step.input, ...(step.leaf ? { leaves: [{ leaf: 1 }] } : {}) }, on: step.on },
      ];
    case "update":
      return [
        `mutation ($where: ItemFilter!, $set: ItemPatch!, $atMost: Int!) { done: updateItems(where: $where, set: $set, atMost: $atMost) { ${many} } }`,
        { ...step },
      ];
    case "delete":
      return [
        `mutation ($where: ItemFilter!, $atMost: Int!, $cascade: Boolean!, $dryRun: Boolean!) { done: deleteItems(where: $where, atMost: $atMost, cascade: $cascade, dryRun: $dryRun) { ${many} } }`,
        { ...step },
      ];
    case "note":
      return [
        "mutation ($input: CreateNoteInput!) { done: createNote(input: $input) { affected { table count } } }",
        { input: { note: ++notes, item: { key: { a: step.a, b: step.b } } } },
      ];
  }
}

interface Done {
  readonly row?: { readonly a: number; readonly b: string };
  readonly rows?: readonly { readonly a: number; readonly b: string }[];
  readonly affected: readonly { readonly table: string; readonly count: number }[];
}

async function said(step: Operation): Promise<Told> {
  const [text, variables] = request(step);
  const { data, errors } = await world.run(text, variables);
  if (errors[0] !== undefined) return String(errors[0].extensions["code"] ?? errors[0].message);
  // As selected.
  const done = data?.["done"] as Done;
  const rows = done.rows ?? (done.row === undefined ? [] : [done.row]);
  const affected = Object.fromEntries(
    done.affected.map(({ table, count }) => [table.replace("lab.", ""), count]),
  );
  return { keys: rows.map(keyOf), affected };
}

const state = `SELECT a, b, name, value, rank, (SELECT count(*)::int FROM lab.item__leaf l WHERE (l.a, l.b) = (i.a, i.b)) AS leaves,
  (SELECT count(*)::int FROM lab.note n WHERE (n.a, n.b) = (i.a, i.b)) AS notes FROM lab.item i ORDER BY a, b COLLATE "C"`;

test("random upserts, updates and deletes answer and leave what a Map would", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 25 }), async (steps) => {
      await world.db.query("TRUNCATE lab.item CASCADE");
      let items: Items = new Map();
      for (const step of steps) {
        const { told, next } = modelled(items, step);
        const answer = await said(step);
        const sorted = (one: Told) =>
          typeof one === "string" ? one : { ...one, keys: [...one.keys].sort() };
        expect(sorted(answer)).toEqual(sorted(told));
        items = next;
        expect((await world.db.query(state)).rows).toEqual(found(items, {}));
      }
    }),
    { numRuns: 60 },
  );
}, 120_000);
