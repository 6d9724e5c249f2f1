import { beforeEach, expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld(`
type Species @table(tier: LOOKUP) { species: String! @key note: String }
type Subject @table @unique(fields: ["rig", "slot"]) {
  subjectId: Int! @key
  name: String! @unique
  tag: String @unique
  weight: Float
  rank: Int! @column(default: 3)
  rig: String! @column(default: "r")
  slot: Int
  extra: JSON
  species: Species
  mother: Subject @reference(columns: ["mother_id"])
  notes: File @codec(name: "attach", store: "main")
  traces: NdArray @codec(name: "npy", store: "main")
  files: [File!]! @codec(name: "attach", store: "main")
}
type Session @table { subject: Subject! @key sessionIdx: Int! @key note: String }
type Trial @table(partOf: "Session") { session: Session! @key trial: Int! @key }
`);

beforeEach(async () => {
  for (const table of ["session__trial", "session", "subject__files", "subject", "#species"])
    await world.db.query(`DELETE FROM lab."${table}"`);
});

const upsert = `mutation ($input: CreateSubjectInput!, $on: SubjectUnique) {
  upsertSubject(input: $input, on: $on) { subject { subjectId name weight rank rowVersion } affected { table count } } }`;
const put = async (input: object, on?: string) =>
  (await world.data(upsert, { input, ...(on === undefined ? {} : { on }) })).upsertSubject;
const one = [{ table: "lab.subject", count: 1 }];

test("creates what is not there, changes what is given, keeps the rest", async () => {
  expect(await put({ subjectId: 1, name: "a", weight: 2, rank: 7 })).toMatchObject({
    subject: { subjectId: 1, name: "a", weight: 2, rank: 7 },
    affected: one,
  });
  expect(await put({ subjectId: 1, name: "b", rank: null }, "KEY")).toMatchObject({
    subject: { subjectId: 1, name: "b", weight: 2, rank: 3 },
    affected: one,
  });
});

test("answers the row also when nothing changed, in its old version", async () => {
  const input = {
    subjectId: 1,
    name: "a",
    weight: -0,
    extra: { n: 1 },
    notes: { text: { name: "n", content: "x" } },
  };
  const first = await put(input);
  const again = await put(input);
  expect(again).toEqual({ subject: first.subject, affected: [] });
  expect(await put(input, "NAME")).toEqual({ subject: first.subject, affected: [] });
  const bare =
    await world.data(`mutation { a: upsertSpecies(input: {species: "m"}) { species { species } affected { count } }
    b: upsertSpecies(input: {species: "m"}) { species { species } affected { count } } }`);
  expect(bare).toEqual({
    a: { species: { species: "m" }, affected: [{ count: 1 }] },
    b: { species: { species: "m" }, affected: [] },
  });
});

test("a value that is equal but not the same is a change", async () => {
  await put({ subjectId: 1, name: "a", weight: 0 });
  expect((await put({ subjectId: 1, name: "a", weight: -0 })).affected).toEqual(one);
  expect(await world.db.query("SELECT weight::text AS w FROM lab.subject")).toMatchObject({
    rows: [{ w: "-0" }],
  });
});

test("by a unique the row found keeps its key, and its children are linked to that", async () => {
  await put({ subjectId: 1, name: "a", weight: 2 });
  const answer = await put(
    { subjectId: 9, name: "a", weight: 5, sessions: [{ sessionIdx: 1, trials: [{ trial: 1 }] }] },
    "NAME",
  );
  expect(answer).toMatchObject({
    subject: { subjectId: 1, weight: 5 },
    affected: [
      { table: "lab.session", count: 1 },
      { table: "lab.session__trial", count: 1 },
      { table: "lab.subject", count: 1 },
    ],
  });
  expect(await world.rows("lab.session__trial")).toMatchObject([{ subject_id: 1, session_idx: 1, trial: 1 }]);
  expect(await put({ subjectId: 9, name: "new" }, "NAME")).toMatchObject({ subject: { subjectId: 9 } });
});

test("by a unique of several fields, one of them by its default", async () => {
  await put({ subjectId: 1, name: "a", slot: 4 });
  expect(await put({ subjectId: 2, name: "b", slot: 4 }, "RIG_AND_SLOT")).toMatchObject({
    subject: { subjectId: 1, name: "b" },
  });
  expect(await put({ subjectId: 2, name: "c", rig: "other", slot: 4 }, "RIG_AND_SLOT")).toMatchObject({
    subject: { subjectId: 2 },
  });
});

test("children, parts and references are created or updated by their keys", async () => {
  const input = {
    subjectId: 1,
    name: "a",
    species: { create: { species: "mouse", note: "n" } },
    mother: { create: { subjectId: 2, name: "m", mother: { create: { subjectId: 3, name: "g" } } } },
    sessions: [{ sessionIdx: 1, note: "old", trials: [{ trial: 1 }] }, { sessionIdx: 2 }],
  };
  const first = await put(input);
  expect(first.affected).toEqual([
    { table: "lab.#species", count: 1 },
    { table: "lab.session", count: 2 },
    { table: "lab.session__trial", count: 1 },
    { table: "lab.subject", count: 3 },
  ]);
  const changed = {
    ...input,
    sessions: [{ sessionIdx: 1, note: "new", trials: [{ trial: 1 }, { trial: 2 }] }],
  };
  expect((await put(changed)).affected).toEqual([
    { table: "lab.session", count: 1 },
    { table: "lab.session__trial", count: 1 },
  ]);
  expect(await world.rows("lab.session")).toMatchObject([
    { session_idx: 1, note: "new" },
    { session_idx: 2, note: null },
  ]);
});

test("stored values and lists are replaced where given", async () => {
  const file = (name: string) => ({ text: { name, content: name } });
  const traces = { values: { dtype: "int16", shape: [1], data: [1] } };
  await put({ subjectId: 1, name: "a", traces, files: [file("1"), file("2")] });
  const { subject } = await put({ subjectId: 1, name: "a" });
  const answer = await put({ subjectId: 1, name: "a", files: [file("3")] });
  expect(answer.affected).toEqual([...one, { table: "lab.subject__files", count: 1 }]);
  expect(answer.subject.rowVersion).not.toBe(subject.rowVersion);
  expect((await world.rows("lab.subject__files")).map(({ value }) => value.name)).toEqual(["3"]);
  expect((await world.rows("lab.subject"))[0].traces.path).toContain("/subject_id=1/traces_");
});

test.each([
  ["a unique that is null", { subjectId: 9, name: "z", tag: null }, "TAG", "BAD_USER_INPUT", "input.tag"],
  ["a unique that is absent", { subjectId: 9, name: "z" }, "TAG", "BAD_USER_INPUT", "input.tag"],
  ["another row's unique", { subjectId: 9, name: "a" }, "KEY", "CONSTRAINT_VIOLATION", "input.name"],
  ["another row's key", { subjectId: 1, name: "z" }, "NAME", "CONSTRAINT_VIOLATION", "input.subjectId"],
  [
    "a second unique's row",
    { subjectId: 9, name: "b", tag: "t" },
    "NAME",
    "CONSTRAINT_VIOLATION",
    "input.tag",
  ],
  [
    "a nested row with the same unique",
    { subjectId: 9, name: "z", mother: { create: { subjectId: 8, name: "z" } } },
    "NAME",
    "CONSTRAINT_VIOLATION",
    "input.name",
  ],
  [
    "a value that its codec refuses",
    { subjectId: 1, name: "y", traces: { values: { dtype: "int16", shape: [2], data: [1] } } },
    "KEY",
    "CODEC_INVALID_VALUE",
    "input.traces",
  ],
])("refuses %s, and changes nothing", async (_, input, on, code, field) => {
  await put({ subjectId: 1, name: "a", tag: "t" });
  await put({ subjectId: 2, name: "b" });
  const before = [await world.rows("lab.subject"), await world.traces()];
  const fault = await world.fault(upsert, { input, on });
  expect(fault.extensions).toMatchObject({ code, field: expect.stringContaining(field) });
  expect([await world.rows("lab.subject"), await world.traces()]).toEqual(before);
});

test("upserts with children, from several requests at once, all succeed", async () => {
  const sessions = Array.from({ length: 4 }, (_, index) => ({
    sessionIdx: index,
    note: "n",
    trials: [{ trial: 1 }],
  }));
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, index) =>
      world.run(upsert, {
        on: index % 2 === 0 ? "KEY" : "NAME",
        input: {
          subjectId: 1,
          name: "a",
          weight: index,
          sessions: index % 3 === 0 ? sessions : sessions.toReversed(),
          notes: { text: { name: "n", content: "same" } },
        },
      }),
    ),
  );
  expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
  expect(await world.rows("lab.session__trial")).toHaveLength(4);
});

test.each(["KEY", "NAME"])(
  "upserts that create one row at once all succeed, with whatever uniques: %s",
  async (on) => {
    // PostgreSQL meets the other uniques before the key now and then only.
    for (let round = 0; round < 40; round++) {
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          world.run(upsert, {
            on,
            input: {
              subjectId: on === "KEY" ? round : round * 10 + index,
              name: `n${round}`,
              tag: `t${round}`,
              weight: index,
            },
          }),
        ),
      );
      expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    }
    expect(await world.rows("lab.subject")).toHaveLength(40);
  },
  60_000,
);
