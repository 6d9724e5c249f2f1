import { Readable } from "node:stream";
import { beforeEach, expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld(`
type Species @table(tier: LOOKUP) { species: String! @key note: String }
type Subject @table {
  subjectId: Int! @key
  name: String! @unique
  weight: Float
  rank: Int! @column(default: 3)
  species: Species
  mother: Subject @reference(columns: ["mother_id"])
}
type Session @table {
  subject: Subject! @key
  sessionIdx: Int! @key
  startedAt: DateTime!
  previous: Session @reference(columns: ["subject_id", "previous_idx"])
}
type Trial @table(partOf: "Session") { session: Session! @key trial: Int! @key }
type Group @table { group: String! @key }
type Member @table(partOf: "Group") { group: Group! @key subject: Subject! @key }
type Recording @table {
  recording: Int! @key
  label: String
  notes: File @codec(name: "attach", store: "main")
  traces: NdArray @codec(name: "npy", store: "main")
  files: [File!]! @codec(name: "attach", store: "main")
  units: [NdArray!]! @codec(name: "npy", store: "cold")
}
`);

beforeEach(async () => {
  await world.db.query('TRUNCATE lab."#species", lab.subject, lab."group" CASCADE');
  await world.db.query("DELETE FROM lab.recording__files");
  await world.db.query("DELETE FROM lab.recording__units");
  await world.db.query("DELETE FROM lab.recording");
  await world.data(`mutation {
    createSpecies(input: {species: "mouse"}) { affected { count } }
    createSubjects(rows: [
      {subjectId: 1, name: "a", weight: 10, species: {key: {species: "mouse"}}, sessions: [
        {sessionIdx: 1, startedAt: "2024-01-01T00:00:00Z", trials: [{trial: 1}, {trial: 2}]},
        {sessionIdx: 2, startedAt: "2024-01-02T00:00:00Z"}]},
      {subjectId: 2, name: "b", weight: 20, mother: {key: {subjectId: 1}}},
      {subjectId: 3, name: "c", weight: 30, mother: {key: {subjectId: 1}}},
      {subjectId: 4, name: "d"}]) { count }
    createGroup(input: {group: "g", members: [{subject: {key: {subjectId: 2}}}, {subject: {key: {subjectId: 3}}}]}) { affected { count } }
    createRecordings(rows: [{recording: 1, label: "x"}, {recording: 2, label: "x"}, {recording: 3, label: "y"}]) { count }
  }`);
});

const update = `mutation ($where: SubjectFilter!, $set: SubjectPatch!, $n: Int!) {
  updateSubjects(where: $where, set: $set, atMost: $n) { subjects { subjectId name weight rank } count skipped affected { table count } } }`;
const remove = `mutation ($where: SubjectFilter!, $n: Int!, $cascade: Boolean!, $dry: Boolean!) {
  deleteSubjects(where: $where, atMost: $n, cascade: $cascade, dryRun: $dry) { subjects { subjectId } count affected { table count } } }`;
const text = { text: { name: "n.txt", content: "shared" } };
const array = { values: { dtype: "int16", shape: [2], data: [1, 2] } };

test("updates the rows that fit, in the order of their keys, and no other", async () => {
  const where = { or: [{ weight: { gte: 20 } }, { sessions: { some: { sessionIdx: { eq: 2 } } } }] };
  const answer = await world.data(update, { where, set: { weight: null, rank: 9 }, n: 3 });
  expect(answer.updateSubjects).toEqual({
    subjects: [
      { subjectId: 1, name: "a", weight: null, rank: 9 },
      { subjectId: 2, name: "b", weight: null, rank: 9 },
      { subjectId: 3, name: "c", weight: null, rank: 9 },
    ],
    count: 3,
    skipped: 0,
    affected: [{ table: "lab.subject", count: 3 }],
  });
  expect((await world.rows("lab.subject")).find((row) => row.subject_id === 4)).toMatchObject({ rank: 3 });
});

test("atMost is 1 unless the request says otherwise", async () => {
  const before = [await world.rows("lab.subject"), await world.traces()];
  const fault = await world.fault(
    'mutation { updateSubjects(where: {name: {in: ["a", "b", "c"]}}, set: {rank: 1}) { count } }',
  );
  expect(fault.extensions).toMatchObject({ code: "LIMIT_EXCEEDED", field: "atMost", limit: 1, count: 3 });
  expect(fault.message).toContain("3 rows of Subject fit where; atMost is 1");
  const removal = await world.fault("mutation { deleteSubjects(where: {}, cascade: true) { count } }");
  expect(removal.extensions).toMatchObject({ code: "LIMIT_EXCEEDED", field: "atMost", limit: 1, count: 4 });
  expect([await world.rows("lab.subject"), await world.traces()]).toEqual(before);
});

test("the limit of a request stands above atMost", async () => {
  const limits = { rows: 2, attempts: 1 };
  const variables = { where: {}, set: { rank: 1 }, n: 1000 };
  const { errors } = await world.run(update, variables, { services: { limits } });
  expect(errors[0]?.extensions).toMatchObject({ code: "LIMIT_EXCEEDED", field: "where", limit: 2, count: 4 });
});

test("nothing that fits is no fault, and creates nothing", async () => {
  const set = { rank: 1, species: { create: { species: "rat" } } };
  const none = { where: { name: { eq: "nobody" } }, n: 5, cascade: true, dry: false, set };
  expect((await world.data(update, none)).updateSubjects).toMatchObject({
    subjects: [],
    count: 0,
    affected: [],
  });
  expect((await world.data(remove, none)).deleteSubjects).toEqual({ subjects: [], count: 0, affected: [] });
  expect(await world.rows('lab."#species"')).toHaveLength(1);
});

test("a reference that the patch creates is created once for all rows", async () => {
  const set = { species: { create: { species: "rat" } } };
  const answer = await world.data(update, { where: { weight: { gt: 15 } }, set, n: 2 });
  expect(answer.updateSubjects.affected).toEqual([
    { table: "lab.#species", count: 1 },
    { table: "lab.subject", count: 2 },
  ]);
});

test.each([
  ["a negative atMost", { where: {}, set: {}, n: -1 }, { code: "BAD_USER_INPUT", field: "atMost" }],
  [
    "a null in a filter",
    { where: { name: null }, set: {}, n: 1 },
    { code: "BAD_USER_INPUT", field: "where.name" },
  ],
  [
    "one unique value for two rows",
    { where: {}, set: { name: "same" }, n: 4 },
    { code: "CONSTRAINT_VIOLATION", field: "set.name" },
  ],
  [
    "a reference to nothing",
    { where: {}, set: { species: { key: { species: "yeti" } } }, n: 4 },
    { code: "CONSTRAINT_VIOLATION", field: "set.species" },
  ],
])("refuses %s, and changes nothing", async (_, variables, expected) => {
  const before = [await world.rows("lab.subject"), await world.traces()];
  expect((await world.fault(update, variables)).extensions).toMatchObject(expected);
  expect([await world.rows("lab.subject"), await world.traces()]).toEqual(before);
});

test("a reference that shares a column with the key is refused by name, null is not", async () => {
  const request = `mutation ($set: SessionPatch!) { updateSessions(where: {}, set: $set, atMost: 9) { count } }`;
  const set = { previous: { key: { subjectId: 1, sessionIdx: 1 } } };
  expect((await world.fault(request, { set })).extensions).toMatchObject({
    code: "BAD_USER_INPUT",
    field: "set.previous",
  });
  expect((await world.data(request, { set: { previous: null } })).updateSessions.count).toBe(2);
});

const recordings = `mutation ($where: RecordingFilter!, $set: RecordingPatch!, $n: Int!) {
  updateRecordings(where: $where, set: $set, atMost: $n) { count affected { table count } } }`;

test("one hash-addressed object serves all rows, elements of lists too", async () => {
  const before = await world.traces();
  const set = { notes: text, files: [text, { text: { name: "o", content: "other" } }] };
  const answer = await world.data(recordings, { where: { label: { eq: "x" } }, set, n: 2 });
  expect(answer.updateRecordings).toEqual({
    count: 2,
    affected: [
      { table: "lab.recording", count: 2 },
      { table: "lab.recording__files", count: 4 },
    ],
  });
  const rows = await world.rows("lab.recording");
  expect(rows[0].notes.path).toBe(rows[1].notes.path);
  expect(rows[2].notes).toBeNull();
  const files = await world.rows("lab.recording__files");
  expect(files.map((row) => `${row.recording} ${row.idx} ${row.value.name}`).sort()).toEqual([
    "1 0 n.txt",
    "1 1 o",
    "2 0 n.txt",
    "2 1 o",
  ]);
  expect(Number((await world.traces()).objects) - Number(before.objects)).toBe(2);
  const again = await world.data(recordings, {
    where: { notes: { isNull: false } },
    set: { files: null },
    n: 2,
  });
  expect(again.updateRecordings.affected).toEqual([{ table: "lab.recording", count: 2 }]);
  expect(await world.rows("lab.recording__files")).toEqual([]);
});

test.each([
  ["traces", { traces: array }, "set.traces"],
  ["units", { units: [array] }, "set.units.0"],
])(
  "a schema-addressed value is refused for many rows, before anything is staged: %s",
  async (_, set, field) => {
    const before = await world.traces();
    const fault = await world.fault(recordings, { where: {}, set, n: 2 });
    expect(fault.extensions).toMatchObject({ code: "BAD_USER_INPUT", field });
    expect(fault.message).toContain("atMost be 1");
    expect(await world.traces()).toEqual(before);
  },
);

test("an upload serves many rows where it is addressed by content, else the row of its key alone", async () => {
  const upload = async (field: string, bytes: Buffer) => {
    const made = await world.data(
      "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id } }",
      { input: { target: { type: "Recording", field }, filename: "u.txt" } },
    );
    const { id } = made.createUpload;
    await world.services.objects.uploads.receive(id, Readable.from([bytes]), {});
    return { upload: id };
  };
  const set = { notes: await upload("notes", Buffer.from("uploaded")) };
  expect((await world.data(recordings, { where: {}, set, n: 3 })).updateRecordings.count).toBe(3);
  const paths = (await world.rows("lab.recording")).map(({ notes }) => notes.path);
  expect(new Set(paths).size).toBe(1);
  const traces = await upload("traces", Buffer.from("bytes"));
  const fault = await world.fault(recordings, { where: { recording: { eq: 1 } }, set: { traces }, n: 1 });
  expect(fault.extensions).toMatchObject({ code: "BAD_USER_INPUT", field: "set.traces" });
});

test("a schema-addressed value for one row lies where the peer's update1 puts it", async () => {
  await world.data(recordings, {
    where: { label: { eq: "y" } },
    set: { traces: array, units: [array] },
    n: 1,
  });
  const row = (await world.rows("lab.recording")).find(({ recording }) => recording === 3);
  expect(row.traces.path).toMatch(/^_schema\/lab\/recording\/traces_[A-Za-z0-9_-]{8}\.npy$/);
  const [unit] = await world.rows("lab.recording__units");
  expect(unit).toMatchObject({ recording: 3, idx: 0 });
  expect(unit.value.path).toMatch(/^_schema\/lab\/recording__units\/value_[A-Za-z0-9_-]{8}\.npy$/);
});

test("filters on what codecs tell of their values find rows to change", async () => {
  await world.data(
    "mutation ($set: RecordingPatch!) { updateRecording(key: {recording: 2}, set: $set) { affected { count } } }",
    { set: { traces: array } },
  );
  const where = { traces: { dtype: { eq: "int16" } } };
  const answer = await world.data(recordings, { where, set: { label: "found", traces: null }, n: 1 });
  expect(answer.updateRecordings.count).toBe(1);
  const rows = await world.rows("lab.recording");
  expect(rows.find(({ recording }) => recording === 2)).toMatchObject({ label: "found", traces: null });
});

test("deletes by filter count every table, masters of several parts once", async () => {
  const where = { name: { in: ["b", "c"] } };
  const refused = await world.fault(remove, { where, n: 2, cascade: false, dry: false });
  expect(refused.extensions).toMatchObject({
    code: "CONSTRAINT_VIOLATION",
    field: "where",
    referrers: [
      { table: "lab.group", count: 1 },
      { table: "lab.group__member", count: 2 },
    ],
  });
  const answer = await world.data(remove, { where, n: 2, cascade: true, dry: false });
  expect(answer.deleteSubjects).toEqual({
    subjects: [{ subjectId: 2 }, { subjectId: 3 }],
    count: 2,
    affected: [
      { table: "lab.group", count: 1 },
      { table: "lab.group__member", count: 2 },
      { table: "lab.subject", count: 2 },
    ],
  });
  expect(await world.rows("lab.subject")).toHaveLength(2);
});

test("rows of the request that refer to each other need no cascade", async () => {
  await world.db.query("DELETE FROM lab.group__member");
  await world.db.query("DELETE FROM lab.session__trial");
  await world.db.query("DELETE FROM lab.session");
  const answer = await world.data(remove, { where: {}, n: 4, cascade: false, dry: false });
  expect(answer.deleteSubjects.affected).toEqual([{ table: "lab.subject", count: 4 }]);
});

test("a dry run answers as the run would, and changes nothing", async () => {
  const state = async () => [
    await world.traces(),
    (await world.db.query("SELECT xmin::text, * FROM lab.subject ORDER BY 2")).rows,
  ];
  const before = await state();
  const asked = { where: { subjectId: { lte: 3 } }, n: 3, cascade: true };
  const dry = await world.data(remove, { ...asked, dry: true });
  expect(await state()).toEqual(before);
  expect(await world.fault(remove, { ...asked, cascade: false, dry: true })).toEqual(
    await world.fault(remove, { ...asked, cascade: false, dry: false }),
  );
  expect(dry.deleteSubjects.affected).toEqual([
    { table: "lab.group", count: 1 },
    { table: "lab.group__member", count: 2 },
    { table: "lab.session", count: 2 },
    { table: "lab.session__trial", count: 2 },
    { table: "lab.subject", count: 3 },
  ]);
  expect(await world.data(remove, { ...asked, dry: false })).toEqual(dry);
});

test("a dry run hears what only the database knows, and later fields see nothing of it", async () => {
  await world.db.query('CREATE TABLE lab.stranger (species varchar(255) REFERENCES lab."#species")');
  const dry = 'a: deleteSpeciesList(where: {species: {eq: "mouse"}}, cascade: true, dryRun: true) { count }';
  await world.db.query("INSERT INTO lab.stranger VALUES ('mouse')");
  expect((await world.fault(`mutation { ${dry} }`)).message).toContain("stranger");
  await world.db.query("DROP TABLE lab.stranger");
  const answer = await world.data(
    `mutation { ${dry} b: updateSpecies(key: {species: "mouse"}, set: {note: "here"}) { species { note } } }`,
  );
  expect(answer).toEqual({ a: { count: 1 }, b: { species: { note: "here" } } });
});

test("what is counted is what is changed, whatever happens meanwhile", async () => {
  const request = "mutation { updateSubjects(where: {rank: {eq: 3}}, set: {rank: 4}, atMost: 9) { count } }";
  const held = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const other = world.db.transaction(async (transaction) => {
    await transaction.query("UPDATE lab.subject SET rank = 5 WHERE subject_id = 2");
    locked.resolve();
    await held.promise;
  });
  await locked.promise;
  const waiting = world.data(request);
  await new Promise((resolve) => setTimeout(resolve, 100));
  held.resolve();
  await other;
  // The row that the other one took away no longer fits once its lock is granted.
  expect((await waiting).updateSubjects.count).toBe(3);
  const ranks = (await world.rows("lab.subject")).map((row) => [row.subject_id, row.rank]);
  expect(ranks.sort()).toEqual([
    [1, 4],
    [2, 5],
    [3, 4],
    [4, 4],
  ]);
});

test("requests that change overlapping rows all get through", async () => {
  const run = (where: object, rank: number) => world.run(update, { where, set: { rank }, n: 4 });
  const answers = await Promise.all([
    run({ subjectId: { lte: 3 } }, 11),
    run({ subjectId: { gte: 2 } }, 12),
    run({ name: { in: ["d", "a"] } }, 13),
    run({}, 14),
  ]);
  expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
});

test("10,000 rows are changed, rehearsed and deleted with a few statements", async () => {
  await world.db.query(
    "INSERT INTO lab.recording (recording, label) SELECT i, 'many' FROM generate_series(1001, 11000) AS i",
  );
  const statements: string[] = [];
  const db: typeof world.db = {
    ...world.db,
    transaction: (work, options) =>
      world.db.transaction(
        (transaction) =>
          work({
            ...transaction,
            query: (sql, values, how) => {
              statements.push(sql);
              return transaction.query(sql, values, how);
            },
          }),
        options,
      ),
  };
  const request = `mutation {
    a: updateRecordings(where: {label: {eq: "many"}}, set: {label: "most"}, atMost: 10000) { count recordings { recording } }
    b: deleteRecordings(where: {label: {eq: "most"}}, atMost: 10000, dryRun: true) { count affected { count } }
    c: deleteRecordings(where: {not: {label: {in: ["x", "y"]}}}, atMost: 10000) { count affected { count } }
  }`;
  const began = performance.now();
  const answer = await world.run(request, {}, { services: { db } });
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(answer.errors).toEqual([]);
  const deleted = { count: 10_000, affected: [{ count: 10_000 }] };
  expect(answer.data).toMatchObject({ a: { count: 10_000 }, b: deleted, c: deleted });
  expect(statements.length).toBeLessThan(20);
});
