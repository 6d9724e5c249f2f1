import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld(`
enum Sex { M F U @value(name: "not known") }
type Species @table(tier: LOOKUP) { species: String! @key @column(type: "varchar(24)") legs: Int @column(type: "int8") }
type Subject @table {
  subjectId: Int! @key
  name: String! @column(type: "varchar(8)") @unique
  species: Species
  sex: Sex! @column(default: "U")
  birth: Date
  weight: Float @column(type: "float32")
  chip: UUID
  tags: [String!]
  counts: [BigInt!]
  extra: JSON
  raw: Bytes
  dose: Decimal @column(type: "decimal(6,2)")
  big: BigInt
  seen: DateTime @column(type: "datetime(3)")
  code: String @column(type: "char(4)")
  alive: Boolean
  noted: DateTime! @column(default: "CURRENT_TIMESTAMP")
  mother: Subject @reference(columns: ["mother_id"])
}
type Session @table {
  subject: Subject! @key
  sessionIdx: Int! @key
  startedAt: DateTime!
}
type Trial @table(partOf: "Session") {
  session: Session! @key
  trial: Int! @key
  note: String! @column(default: "none")
}
`);

const species =
  'mutation { createSpecies(input: {species: "mouse", legs: 4}) { species { species legs } affected { table count } } }';

test("creates a row and answers it from the same transaction", async () => {
  expect(await world.data(species)).toEqual({
    createSpecies: {
      species: { species: "mouse", legs: 4 },
      affected: [{ table: "lab.#species", count: 1 }],
    },
  });
});

test("stores each scalar exactly", async () => {
  const input = {
    subjectId: -2147483648,
    name: "é😀x",
    species: { key: { species: "mouse" } },
    sex: "U",
    birth: "0001-01-01",
    weight: 0.1,
    chip: "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
    tags: ["a", "", "\u2028"],
    counts: ["9223372036854775807", "-1"],
    extra: { b: [1, null, "x"], a: { c: 1.5 } },
    raw: "AAH/",
    dose: "-12.5",
    big: "9223372036854775807",
    seen: "2024-02-29T23:59:59.9994+01:30",
    code: "ab",
    alive: false,
  };
  const text =
    "mutation ($input: CreateSubjectInput!) { createSubject(input: $input) { subject { subjectId rowVersion name species { species legs } sex birth weight chip tags counts extra raw dose big seen code alive mother { name } } } }";
  const answer = await world.data(text, { input });
  expect(answer.createSubject.subject).toEqual({
    ...input,
    rowVersion: expect.stringMatching(/^\d+$/),
    species: { species: "mouse", legs: 4 },
    chip: input.chip.toLowerCase(),
    dose: "-12.50",
    seen: "2024-02-29T22:29:59.999Z",
    code: "ab  ",
    mother: null,
  });
  expect(await world.rows("lab.subject")).toEqual([
    {
      subject_id: -2147483648,
      name: "é😀x",
      species: "mouse",
      sex: "not known",
      birth: "0001-01-01",
      weight: 0.1,
      chip: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
      tags: ["a", "", "\u2028"],
      counts: [9223372036854775807n, -1].map(Number),
      extra: { a: { c: 1.5 }, b: [1, null, "x"] },
      raw: "\\x0001ff",
      dose: -12.5,
      big: Number(9223372036854775807n),
      seen: "2024-02-29T22:29:59.999",
      code: "ab  ",
      alive: false,
      mother_id: null,
      noted: expect.stringMatching(/^20/),
    },
  ]);
  const exact = await world.db.query("SELECT counts::text, big::text, dose::text FROM lab.subject");
  expect(exact.rows).toEqual([
    { counts: "[9223372036854775807, -1]", big: "9223372036854775807", dose: "-12.50" },
  ]);
});

test("absent and null values take the column's default", async () => {
  const answer = await world.data(`mutation {
    a: createSubject(input: {subjectId: 1, name: "a"}) { subject { sex birth } }
    b: createSubject(input: {subjectId: 2, name: "b", sex: null, birth: null}) { subject { sex birth } }
  }`);
  expect(answer).toEqual({
    a: { subject: { sex: "U", birth: null } },
    b: { subject: { sex: "U", birth: null } },
  });
});

test("creates parents, children and parts in one input", async () => {
  const answer = await world.data(`mutation {
    createSubject(input: {
      subjectId: 3, name: "c", species: {create: {species: "fly", legs: 6}}, mother: {create: {subjectId: 4, name: "d"}},
      sessions: [
        {sessionIdx: 1, startedAt: "2024-01-01T00:00:00Z", trials: [{trial: 1}, {trial: 2, note: "x"}]},
        {sessionIdx: 2, startedAt: "2024-01-02T00:00:00Z"}
      ]
    }) { affected { table count } subject { subjectId } }
  }`);
  expect(answer.createSubject.affected).toEqual([
    { table: "lab.#species", count: 1 },
    { table: "lab.session", count: 2 },
    { table: "lab.session__trial", count: 2 },
    { table: "lab.subject", count: 2 },
  ]);
  expect(await world.rows("lab.session__trial")).toEqual([
    { subject_id: 3, session_idx: 1, trial: 1, note: "none" },
    { subject_id: 3, session_idx: 1, trial: 2, note: "x" },
  ]);
  expect((await world.rows("lab.subject")).find((row) => row.subject_id === 3)).toMatchObject({
    mother_id: 4,
    species: "fly",
  });
});

test("CURRENT_TIMESTAMP is now, in UTC", async () => {
  await world.data('mutation { createSubject(input: {subjectId: 90, name: "now"}) { affected { count } } }');
  const { rows } = await world.db.query<{ age: number }>(
    "SELECT extract(epoch FROM (now() AT TIME ZONE 'UTC') - noted)::float8 AS age FROM lab.subject WHERE subject_id = 90",
  );
  expect(Math.abs(rows[0]?.age ?? 1e9)).toBeLessThan(60);
});

test("rows of one table may refer to each other in one list, in any shape of nesting", async () => {
  await world.data(`mutation { createSubjects(rows: [
    {subjectId: 200, name: "g1", mother: {create: {subjectId: 201, name: "g2", mother: {create: {subjectId: 202, name: "g3"}}}}},
    {subjectId: 203, name: "g4", mother: {key: {subjectId: 201}}, subjects: [{subjectId: 204, name: "g5"}]}
  ]) { count affected { count } } }`);
  const { rows } = await world.db.query(
    "SELECT subject_id, mother_id FROM lab.subject WHERE subject_id >= 200 ORDER BY 1",
  );
  expect(rows).toEqual([
    { subject_id: 200, mother_id: 201 },
    { subject_id: 201, mother_id: 202 },
    { subject_id: 202, mother_id: null },
    { subject_id: 203, mother_id: 201 },
    { subject_id: 204, mother_id: 203 },
  ]);
});

test("SKIP follows owners within one table", async () => {
  const text = `mutation { createSubjects(onConflict: SKIP, rows: [
    {subjectId: 200, name: "g1", subjects: [{subjectId: 300, name: "skipped"}]},
    {subjectId: 301, name: "new", subjects: [{subjectId: 302, name: "below", subjects: [{subjectId: 303, name: "deeper"}]}]}
  ]) { count skipped affected { count } } }`;
  expect((await world.data(text)).createSubjects).toEqual({ count: 1, skipped: 1, affected: [{ count: 3 }] });
  const { rows } = await world.db.query(
    "SELECT subject_id, mother_id FROM lab.subject WHERE subject_id >= 300 ORDER BY 1",
  );
  expect(rows).toEqual([
    { subject_id: 301, mother_id: null },
    { subject_id: 302, mother_id: 301 },
    { subject_id: 303, mother_id: 302 },
  ]);
});

test("rows nested 50 deep go in, deeper ones are refused by name", async () => {
  const chain = (levels: number, from: number): Record<string, unknown> => ({
    subjectId: from,
    name: `c${from}`,
    ...(levels === 1 ? {} : { mother: { create: chain(levels - 1, from + 1) } }),
  });
  const text =
    "mutation ($input: CreateSubjectInput!) { createSubject(input: $input) { affected { count } } }";
  expect((await world.data(text, { input: chain(50, 1000) })).createSubject.affected).toEqual([
    { count: 50 },
  ]);
  const fault = await world.fault(text, { input: chain(600, 2000) });
  expect(fault.extensions).toMatchObject({ code: "LIMIT_EXCEEDED", limit: 50 });
});
