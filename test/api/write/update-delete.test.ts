import { beforeEach, expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld(`
type Species @table(tier: LOOKUP) { species: String! @key }
type Subject @table {
  subjectId: Int! @key
  name: String!
  weight: Float
  rank: Int! @column(default: 3)
  species: Species
  mother: Subject @reference(columns: ["mother_id"])
}
type Session @table { subject: Subject! @key sessionIdx: Int! @key startedAt: DateTime! }
type Trial @table(partOf: "Session") { session: Session! @key trial: Int! @key }
type Analysis @table(tier: COMPUTED) { session: Session! @key score: Float! }
type Group @table { group: String! @key }
type Member @table(partOf: "Group") { group: Group! @key subject: Subject! @key }
`);

beforeEach(async () => {
  await world.db.query('TRUNCATE lab."#species", lab.subject, lab."group" CASCADE');
  await world.data(`mutation {
    createSpecies(input: {species: "mouse"}) { affected { count } }
    createSubject(input: {subjectId: 1, name: "a", weight: 2.5, rank: 7, species: {key: {species: "mouse"}}, sessions: [
      {sessionIdx: 1, startedAt: "2024-01-01T00:00:00Z", trials: [{trial: 1}, {trial: 2}], analysis: {score: 0.5}},
      {sessionIdx: 2, startedAt: "2024-01-02T00:00:00Z", trials: [{trial: 1}]}]}) { affected { count } }
    child: createSubject(input: {subjectId: 2, name: "b", mother: {key: {subjectId: 1}}}) { affected { count } }
    createGroup(input: {group: "g", members: [{subject: {key: {subjectId: 1}}}]}) { affected { count } }
  }`);
});

const update =
  "mutation ($set: SubjectPatch!, $v: String) { updateSubject(key: {subjectId: 1}, set: $set, ifVersion: $v) { subject { name weight rank rowVersion } affected { table count } } }";

test("absent leaves a field, null clears it or sets the default", async () => {
  const answer = await world.data(update, { set: { weight: null, rank: null } });
  expect(answer.updateSubject.subject).toMatchObject({ name: "a", weight: null, rank: 3 });
  expect(answer.updateSubject.affected).toEqual([{ table: "lab.subject", count: 1 }]);
});

test("an empty patch changes nothing, not even the version", async () => {
  const before = (await world.data(update, { set: {} })).updateSubject;
  const after = (await world.data(update, { set: {} })).updateSubject;
  expect(before.affected).toEqual([]);
  expect(after.subject.rowVersion).toBe(before.subject.rowVersion);
});

test("ifVersion lets the first of two writers win", async () => {
  const { rowVersion } = (await world.data(update, { set: {} })).updateSubject.subject;
  const first = await world.data(update, { set: { name: "first" }, v: rowVersion });
  const fault = await world.fault(update, { set: { name: "second" }, v: rowVersion });
  expect(fault.extensions).toMatchObject({
    code: "PRECONDITION_FAILED",
    field: "ifVersion",
    value: rowVersion,
    currentVersion: first.updateSubject.subject.rowVersion,
  });
  const { rows } = await world.db.query("SELECT name FROM lab.subject WHERE subject_id = 1");
  expect(rows).toEqual([{ name: "first" }]);
});

test("references in patches: key, create and null", async () => {
  await world.data(update, { set: { species: { create: { species: "rat" } } } });
  expect(await world.rows("lab.subject")).toMatchObject([{ species: "rat" }, { species: null }]);
  await world.data(update, {
    set: { species: { key: { species: "mouse" } }, mother: { key: { subjectId: 2 } } },
  });
  expect(await world.rows("lab.subject")).toMatchObject([
    { mother_id: 2, species: "mouse" },
    { mother_id: 1 },
  ]);
  await world.data(update, { set: { species: null, mother: null } });
  expect((await world.rows("lab.subject")).find((row) => row.subject_id === 1)).toMatchObject({
    mother_id: null,
    species: null,
  });
});

test.each([
  [
    "a row that is not there",
    'mutation { updateSubject(key: {subjectId: 9}, set: {name: "x"}) { affected { count } } }',
    "NOT_FOUND",
    "key",
  ],
  [
    "null where a value is needed",
    "mutation { updateSubject(key: {subjectId: 1}, set: {name: null}) { affected { count } } }",
    "BAD_USER_INPUT",
    "set.name",
  ],
  [
    "a missing parent",
    'mutation { updateSubject(key: {subjectId: 1}, set: {species: {key: {species: "yeti"}}}) { affected { count } } }',
    "CONSTRAINT_VIOLATION",
    "set.species",
  ],
  [
    "deleting what is not there",
    "mutation { deleteSubject(key: {subjectId: 9}) { affected { count } } }",
    "NOT_FOUND",
    "key",
  ],
])("refuses %s", async (_, text, code, field) => {
  const before = await world.traces();
  expect((await world.fault(text)).extensions).toMatchObject({ code, field });
  expect(await world.traces()).toEqual(before);
});

const remove =
  "mutation ($cascade: Boolean!, $v: String) { deleteSubject(key: {subjectId: 1}, cascade: $cascade, ifVersion: $v) { subject { name } affected { table count } } }";

test("a delete is refused with the tables that refer, and their counts", async () => {
  const before = await world.traces();
  const fault = await world.fault(remove, { cascade: false });
  expect(fault.extensions).toMatchObject({
    code: "CONSTRAINT_VIOLATION",
    referrers: [
      { table: "lab.__analysis", count: 1 },
      { table: "lab.group", count: 1 },
      { table: "lab.group__member", count: 1 },
      { table: "lab.session", count: 2 },
      { table: "lab.subject", count: 1 },
    ],
  });
  expect(await world.traces()).toEqual(before);
});

test("parts go with their master, unasked", async () => {
  const answer = await world.data(
    "mutation { deleteSession(key: {subjectId: 1, sessionIdx: 2}) { session { startedAt } affected { table count } } }",
  );
  expect(answer.deleteSession).toEqual({
    session: { startedAt: "2024-01-02T00:00:00Z" },
    affected: [
      { table: "lab.session", count: 1 },
      { table: "lab.session__trial", count: 1 },
    ],
  });
});

test("cascade deletes leaves first, and a master with its part", async () => {
  const answer = await world.data(remove, { cascade: true });
  expect(answer.deleteSubject).toEqual({
    subject: { name: "a" },
    affected: [
      { table: "lab.__analysis", count: 1 },
      { table: "lab.group", count: 1 },
      { table: "lab.group__member", count: 1 },
      { table: "lab.session", count: 2 },
      { table: "lab.session__trial", count: 3 },
      { table: "lab.subject", count: 2 },
    ],
  });
  expect((await world.traces()).rows).toMatchObject({ subject: "0", session: "0", "#species": "1" });
});

test("a part that is named itself goes alone", async () => {
  const answer = await world.data(
    'mutation { deleteMember(key: {group: "g", subjectId: 1}, cascade: true) { affected { table count } } }',
  );
  expect(answer.deleteMember.affected).toEqual([{ table: "lab.group__member", count: 1 }]);
});

test("a delete with a stale version is refused", async () => {
  expect((await world.fault(remove, { cascade: true, v: "1" })).extensions).toMatchObject({
    code: "PRECONDITION_FAILED",
  });
});

test("rows of tables that the model does not know stop a delete too", async () => {
  await world.db.query(
    'CREATE TABLE IF NOT EXISTS lab.foreign_one (species varchar(255) REFERENCES lab."#species")',
  );
  await world.db.query("INSERT INTO lab.foreign_one VALUES ('mouse')");
  const fault = await world.fault(
    'mutation { deleteSpecies(key: {species: "mouse"}, cascade: true) { affected { count } } }',
  );
  expect(fault.extensions).toMatchObject({ code: "CONSTRAINT_VIOLATION" });
  expect(fault.message).toContain("foreign_one");
  await world.db.query("DROP TABLE lab.foreign_one");
});

test("fields of one request see each other, and fall together", async () => {
  const before = await world.traces();
  const text = `mutation {
    a: createSubject(input: {subjectId: 50, name: "x"}) { subject { name } }
    b: updateSubject(key: {subjectId: 50}, set: {name: "y"}) { subject { name } }
    c: deleteSubject(key: {subjectId: 50}) { subject { name } }
    d: createSubject(input: {subjectId: 50, name: "z"}) { subject { name } }
    e: deleteSubject(key: {subjectId: 50}) { subject { name } }
    __typename
  }`;
  expect(await world.data(text)).toEqual({
    a: { subject: { name: "x" } },
    b: { subject: { name: "y" } },
    c: { subject: { name: "y" } },
    d: { subject: { name: "z" } },
    e: { subject: { name: "z" } },
    __typename: "Mutation",
  });
  const fault = await world.fault(
    'mutation { a: createSubject(input: {subjectId: 51, name: "x"}) { subject { name } } b: deleteSubject(key: {subjectId: 52}) { subject { name } } }',
  );
  expect(fault).toMatchObject({
    path: ["b"],
    data: null,
    extensions: { code: "NOT_FOUND", committed: false },
  });
  expect(await world.traces()).toEqual(before);
});

test("who may not write is refused before anything happens", async () => {
  const context = { principal: { name: "reader", rights: new Set(["READ"] as const) }, baseUrl: "http://x" };
  const answer = await world.run(remove, { cascade: true }, { context });
  expect(answer).toMatchObject({ data: null, errors: [{ extensions: { code: "FORBIDDEN" } }] });
});
