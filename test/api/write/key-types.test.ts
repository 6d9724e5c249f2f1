import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld(`
enum Side { LEFT @value(name: "left ear") RIGHT }
type Thing @table {
  day: Date! @key
  at: DateTime! @key @column(type: "datetime(3)")
  amount: Decimal! @key @column(type: "decimal(8,3)")
  flag: Boolean! @key
  uuid: UUID! @key
  code: String! @key @column(type: "char(5)")
  side: Side! @key
  big: BigInt! @key
  text: String! @key
  note: String
}
type Child @table { thing: Thing! @key child: Int! @key more: Thing @reference(columns: ["a", "b", "c", "d", "e", "f", "g", "h", "i"]) @reverse(name: "others") }
type Lists @table(plural: "listRows") {
  id1: Int! @key
  decimals: [Decimal!]
  dates: [Date!]
  instants: [DateTime!]
  doubles: [Float64!]
  singles: [Float32!]
  booleans: [Boolean]
  uuids: [UUID!]
  jsons: [JSON]
  ints: [Int]
}
`);

const key = {
  day: "2024-02-29",
  at: "2024-02-29T12:00:00.1236Z",
  amount: "1.5",
  flag: true,
  uuid: "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
  code: "ab ",
  side: "LEFT",
  big: "-9223372036854775808",
  text: 'it\'s "é" \\ / 100%',
};

test("rows are found again by keys of every type", async () => {
  const input = { ...key, note: "first", children: [{ child: 1 }] };
  const created = await world.data(
    "mutation ($input: CreateThingInput!) { createThing(input: $input) { thing { at amount code side children { nodes { child } } } } }",
    { input },
  );
  expect(created.createThing.thing).toEqual({
    at: "2024-02-29T12:00:00.124Z",
    amount: "1.500",
    code: "ab   ",
    side: "LEFT",
    children: { nodes: [{ child: 1 }] },
  });
  const updated = await world.data(
    'mutation ($key: ThingKey!) { updateThing(key: $key, set: {note: "second"}) { thing { note } } }',
    { key },
  );
  expect(updated.updateThing.thing).toEqual({ note: "second" });
  await world.data(
    "mutation ($input: CreateChildInput!) { createChild(input: $input) { child { child more { note } } } }",
    {
      input: { thing: { key }, child: 2, more: { key } },
    },
  );
  const upserted = await world.data(
    "mutation ($rows: [CreateThingInput!]!) { createThings(rows: $rows, onConflict: UPDATE) { count things { note } } }",
    { rows: [{ ...key, note: "third" }] },
  );
  expect(upserted.createThings).toEqual({ count: 1, things: [{ note: "third" }] });
  const same =
    "mutation ($input: CreateThingInput!) { upsertThing(input: $input) { thing { note } affected { count } } }";
  const unchanged = await world.data(same, { input: { ...key, note: "third" } });
  expect(unchanged.upsertThing).toEqual({ thing: { note: "third" }, affected: [] });
  const { at: _, ...exact } = key;
  const where = Object.fromEntries(Object.entries(exact).map(([field, value]) => [field, { eq: value }]));
  const filtered = await world.data(
    `mutation ($where: ThingFilter!) {
      a: updateThings(where: $where, set: {note: "fourth"}) { things { note } affected { count } }
      b: deleteThings(where: $where, cascade: true, dryRun: true) { things { note } affected { table count } }
      c: updateThings(where: $where, set: {note: "third"}, atMost: 2) { count }
    }`,
    { where },
  );
  expect(filtered).toEqual({
    a: { things: [{ note: "fourth" }], affected: [{ count: 1 }] },
    b: {
      things: [{ note: "fourth" }],
      affected: [
        { table: "lab.child", count: 2 },
        { table: "lab.thing", count: 1 },
      ],
    },
    c: { count: 1 },
  });
  const deleted = await world.data(
    "mutation ($key: ThingKey!) { deleteThing(key: $key, cascade: true) { thing { note } affected { table count } } }",
    { key },
  );
  expect(deleted.deleteThing).toEqual({
    thing: { note: "third" },
    affected: [
      { table: "lab.child", count: 2 },
      { table: "lab.thing", count: 1 },
    ],
  });
});

test("lists of every scalar come back as they were sent", async () => {
  const input = {
    id1: 1,
    decimals: ["1.50", "-0.001"],
    dates: ["0001-01-01", "9999-12-31"],
    instants: ["2024-01-01T00:00:00.000001Z"],
    doubles: [1, 0.1, "NaN", "-Infinity", 1e300],
    singles: [1.5],
    booleans: [true, null],
    uuids: ["f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
    jsons: [{ a: [1] }, "text", null, 2],
    ints: [1, null, -2147483648],
  };
  const answer = await world.data(
    "mutation ($input: CreateListsInput!) { createLists(input: $input) { lists { id1 decimals dates instants doubles singles booleans uuids jsons ints } } }",
    { input },
  );
  expect(answer.createLists.lists).toEqual(input);
});
