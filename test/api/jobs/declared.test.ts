/** Tables of jobs as they are made: DataJoint's own, made again, are the same; keys that it refuses; time zones; who may not see. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { describe, expect, inject, test } from "vitest";
import { createEntityApi } from "../../../src/api/api.ts";
import { applyModel, driftOf } from "../../../src/db/apply.ts";
import { connect } from "../../../src/db/database.ts";
import { declareJobs, jobTableWanted } from "../../../src/sql/job/declare.ts";
import { jobSubjects } from "../../../src/sql/job/subject.ts";
import { model as modelOf } from "../../support/sdl.ts";
import { anyone, openLaboratory } from "../laboratory.ts";
import { openJobs } from "./laboratory.ts";

const fixture = join(import.meta.dirname, "../../fixtures/datajoint");

/** Everything that the catalog and `~lineage` say of a table. */
const facts = `SELECT c.relname, obj_description(c.oid, 'pg_class') AS comment,
  (SELECT json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)) ORDER BY a.attnum)
     FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = c.oid AND a.attnum > 0) AS columns,
  (SELECT json_agg(indexdef ORDER BY indexname) FROM pg_indexes WHERE schemaname = $1 AND tablename = c.relname) AS indexes,
  (SELECT json_agg(json_build_array(conname, contype, pg_get_constraintdef(oid)) ORDER BY conname) FROM pg_constraint WHERE conrelid = c.oid AND contype <> 'n') AS constraints,
  (SELECT json_agg(tgname) FROM pg_trigger WHERE tgrelid = c.oid) AS triggers, c.relacl::text AS rights,
  (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = to_regtype(format('%I.enum_609a743e', $1::text))) AS labels
  FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND c.relname LIKE '~~%' ORDER BY 1`;
const lineage = (schema: string) =>
  `SELECT * FROM ${schema}."~lineage" WHERE table_name LIKE '~~%' ORDER BY 1, 2`;

describe("on a laboratory of DataJoint's", async () => {
  const sdl = readFileSync(join(import.meta.dirname, "../../introspect/golden/datajoint.graphql"), "utf8");
  const lab = await openLaboratory(
    sdl,
    {},
    {
      dump: readFileSync(join(fixture, "dump.sql"), "utf8"),
      store: join(fixture, "store"),
      settings: {
        cold: {
          hash_prefix: "blobs",
          schema_prefix: "arrays",
          filepath_prefix: "raw",
          subfolding: [2, 2],
          token_length: 12,
        },
      },
    },
  );
  const sql = async (text: string, values: readonly unknown[] = []) =>
    (await lab.db.query(text, values)).rows;

  test("its own tables of jobs are made again as they were, type and lineage included", async () => {
    const guard = await sql("SELECT * FROM holdfast.guard");
    const before = [await sql(facts, ["djf_lab"]), await sql(lineage("djf_lab"))];
    expect(before[0]).toHaveLength(2);
    await sql(
      `DROP TABLE djf_lab."~~scan", djf_lab."~~scan_stats"; DELETE FROM djf_lab."~lineage" WHERE table_name LIKE '~~%'; DROP TYPE djf_lab.enum_609a743e`,
    );
    const made = await lab.data(
      `mutation { a: refreshJobs(table: Scan) { removed } b: refreshJobs(table: ScanStats) { removed } }`,
    );
    expect(made).toEqual({ a: { removed: 0 }, b: { removed: 0 } });
    expect([await sql(facts, ["djf_lab"]), await sql(lineage("djf_lab"))]).toEqual(before);
    expect(await sql("SELECT * FROM holdfast.guard")).toEqual(guard);
    // They are nobody's business but the workers'.
    const drift = await driftOf(lab.db, lab.model);
    expect(drift.filter(({ kind }) => kind !== "hidden-column")).toEqual([]);
    expect((await applyModel(lab.db, lab.model)).changes).toEqual([]);
  });

  test("the rows that it left there are told", async () => {
    await sql(
      `INSERT INTO djf_lab."~~scan" (subject, session_date, status, priority, error_message, error_stack) VALUES ('m9', '2026-01-02', 'error', 3, 'ValueError: x', decode('646a300005' || '0300000000000000' || '616263', 'hex'))`,
    );
    const told = await lab.data(
      `{ jobs(table: Scan, status: [ERROR]) { nodes { key priority errorMessage errorStack } } }`,
    );
    expect(told.jobs.nodes).toEqual([
      {
        key: { subject: "m9", sessionDate: "2026-01-02" },
        priority: 3,
        errorMessage: "ValueError: x",
        errorStack: "abc",
      },
    ]);
    await sql(`DELETE FROM djf_lab."~~scan" WHERE subject = 'm9'`);
  });
});

test("keys of times, floats, booleans, enums and renamed columns have jobs too, also those that DataJoint refuses", async () => {
  const lab = await openLaboratory(`
    enum Side { LEFT @value(name: "left side") RIGHT }
    type Moment @table { at: DateTime! @key @column(type: "datetime(3)")  value: Float64! @key  on: Boolean! @key  side: Side! @key  big: BigInt! @key
      amount: Decimal! @key @column(type: "decimal(9,3)")  id2: UUID! @key  code: String! @key @column(type: "char(4)") }
    type Other @table { n: Int! @key }
    type Result @table(tier: COMPUTED) { moment: Moment! @key  a: Other! @key @reference(columns: ["first_n"]) @reverse(name: "firsts")
      b: Other! @key @reference(columns: ["second_n"]) @reverse(name: "seconds")  x: Int }
  `);
  await lab.data(`mutation { createOthers(rows: [{n: 1}, {n: 2}]) { count }
    createMoment(input: {at: "2026-01-02T03:04:05.678Z", value: 0.1, on: true, side: LEFT, big: "9007199254740993", amount: "1.500",
      id2: "6a2f41a3-c54c-fce8-32d2-0324e1c32e22", code: "ab"}) { moment { big } } }`);
  expect(await lab.data("mutation { refreshJobs(table: Result) { added } }")).toEqual({
    refreshJobs: { added: 4 },
  });
  const { jobs } = (
    await lab.data("mutation { reserveJob(table: Result, limit: 9) { jobs { id key input } } }")
  ).reserveJob;
  expect(jobs).toHaveLength(4);
  const moment = {
    at: "2026-01-02T03:04:05.678Z",
    value: 0.1,
    on: true,
    side: "LEFT",
    big: "9007199254740993",
    amount: "1.500",
    id2: "6a2f41a3-c54c-fce8-32d2-0324e1c32e22",
    code: "ab  ",
  };
  expect(jobs[0].key).toEqual({ ...moment, firstN: 1, secondN: 1 });
  expect(jobs[0].input).toEqual({ moment: { key: moment }, a: { key: { n: 1 } }, b: { key: { n: 1 } } });
  for (const { id, input } of jobs) {
    const text =
      "mutation ($id: ID!, $input: CreateResultInput!) { createResult(input: $input) { result { x } } completeJob(job: $id) { rows } }";
    expect((await lab.data(text, { id, input: { ...input, x: 1 } })).completeJob).toEqual({ rows: 1 });
  }
  const keys = jobs.map(({ key }: { key: object }) => key);
  const ignored = await lab.data(
    "mutation ($keys: [JSON!]!) { ignoreJobs(table: Result, keys: $keys) { jobs { key } } }",
    { keys },
  );
  expect(ignored.ignoreJobs.jobs).toHaveLength(4);
  const page = await lab.data("{ jobs(table: Result, first: 2) { pageInfo { endCursor } } }");
  const rest = await lab.data(
    "query ($after: String) { jobs(table: Result, after: $after) { nodes { key } } }",
    { after: page.jobs.pageInfo.endCursor },
  );
  expect(rest.jobs.nodes).toHaveLength(2);
  expect(await driftOf(lab.db, lab.model)).toEqual([]);
});

test("DataJoint may make the same table at the same moment", async () => {
  const lab = await openJobs();
  const [place] = (await lab.db.query<{ name: string }>("SELECT current_database() AS name")).rows;
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${place?.name}`;
  const peer = new Client({ connectionString: url.href });
  await peer.connect();
  const [subject] = jobSubjects(lab.model);
  if (subject === undefined) throw new Error("no jobs");
  await peer.query("BEGIN");
  for (const statement of declareJobs(jobTableWanted(lab.model, subject), { hasType: false }))
    await peer.query(statement);
  const refreshed = lab.refresh();
  const waits =
    "SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  while ((await peer.query(waits)).rows[0].waiting === 0) await new Promise((done) => setTimeout(done, 10));
  await peer.query("COMMIT");
  expect(await refreshed).toEqual({ added: 8, removed: 0, returned: 0 });
  await peer.end();
});

test("jobs follow their table, and its columns, to another name", async () => {
  const lab = await openLaboratory(`
    type Subject @table { subject: Int! @key }
    type Sorting @table(tier: IMPORTED) { subject: Subject! @key  units: Int }`);
  await lab.data(
    "mutation { createSubjects(rows: [{subject: 1}, {subject: 2}]) { count } refreshJobs(table: Sorting) { added } }",
  );
  await lab.data("mutation { reserveJob(table: Sorting) { jobs { id } } }");
  const sql = async (text: string, values: readonly unknown[] = []) =>
    (await lab.db.query(text, values)).rows;
  const renamed = modelOf(`
    type Animal @table @renamedFrom(name: "Subject") { animal: Int! @key @renamedFrom(name: "subject") }
    type Units @table(tier: COMPUTED) @renamedFrom(name: "Sorting") { subject: Animal! @key  units: Int }`);
  await applyModel(lab.db, renamed);
  expect((await applyModel(lab.db, renamed)).changes).toEqual([]);
  const after = [await sql(facts, ["lab"]), await sql(lineage("lab"))];
  const text = `SELECT animal, status::text FROM lab."~~units" ORDER BY 1`;
  expect(await sql(text)).toEqual([
    { animal: 1, status: "reserved" },
    { animal: 2, status: "pending" },
  ]);
  // As if they had been made under these names.
  const [subject] = jobSubjects(renamed);
  if (subject === undefined) throw new Error("no jobs");
  await sql(`DROP TABLE lab."~~units"`);
  for (const statement of declareJobs(jobTableWanted(renamed, subject), { hasType: true }))
    await sql(statement);
  expect([await sql(facts, ["lab"]), await sql(lineage("lab"))]).toEqual(after);
});

test("times are those of the server's zone, as DataJoint's sessions write them", async () => {
  const lab = await openJobs();
  const [place] = (await lab.db.query<{ name: string }>("SELECT current_database() AS name")).rows;
  const elsewhere = new URL(inject("postgresUrl"));
  elsewhere.pathname = `/${place?.name}`;
  try {
    // A new pool, which learns the zone that the server has now.
    await lab.db.query(`ALTER DATABASE "${place?.name}" SET timezone = 'Asia/Tokyo'`);
    const db = await connect(elsewhere.href);
    const { model, registry, objects, stores } = lab;
    const api = createEntityApi({ model, registry, db, objects, stores, log: { error: () => {} } });
    await api.server.start();
    // biome-ignore lint/suspicious/noExplicitAny: answers of every kind
    const data = async (query: string): Promise<any> => {
      const answer = await api.execute({ query }, anyone);
      expect(answer.errors).toBeUndefined();
      return answer.data;
    };
    await data("mutation { refreshJobs(table: Sorting) { added } }");
    const peer = new Client({ connectionString: elsewhere.href });
    await peer.connect();
    // What DataJoint asks before it reserves, and as what it sees the moment.
    const due = `SELECT count(*)::int AS due FROM lab."~~sorting" WHERE status = 'pending' AND scheduled_time <= CURRENT_TIMESTAMP(3)
      AND created_time > CURRENT_TIMESTAMP(3) - interval '1 minute'`;
    expect((await peer.query(due)).rows).toEqual([{ due: 8 }]);
    await peer.query(`INSERT INTO lab.subject VALUES (7, 'x'); INSERT INTO lab.session VALUES (7, 1);
      INSERT INTO lab."~~sorting" (subject, session, probe, status, priority) VALUES (7, 1, 'p', 'pending', 1)`);
    const { jobs } = (
      await data(
        "mutation { reserveJob(table: Sorting) { jobs { key createdTime reservedTime leaseUntil } } }",
      )
    ).reserveJob;
    expect(jobs[0].key.subject).toBe(7);
    for (const time of [jobs[0].createdTime, jobs[0].reservedTime, jobs[0].leaseUntil])
      expect(Math.abs(Date.now() - Date.parse(time))).toBeLessThan(120_000);
    await peer.end();
    await api.server.stop();
    await db.close();
  } finally {
    await lab.db.query(`ALTER DATABASE "${place?.name}" RESET timezone`);
  }
});

test("who does not see all rows of the tables of a key does not see their jobs; a service that only reads makes none", async () => {
  const lab = await openJobs();
  const { model, registry, objects, stores, db } = lab;
  const log = { error: () => {} };
  const rowRules = {
    roles: {
      some: { Subject: { subject: { eq: 1 } } },
      all: {},
      elsewhere: { Quality: { score: { gt: 1 } } },
    },
    viewer: ({ principal }: { principal: { name: string } }) => ({ role: principal.name, claims: {} }),
  };
  const ruled = createEntityApi({ model, registry, db, objects, stores, log, rowRules });
  const still = createEntityApi({ model, registry, db, objects, stores, log, readOnly: () => "for a test" });
  await ruled.server.start();
  await still.server.start();
  const as = (name: string, query: string) =>
    ruled.execute({ query }, { ...anyone, principal: { ...anyone.principal, name } });
  const code = (answer: { errors?: readonly { extensions?: Record<string, unknown> }[] }) =>
    answer.errors?.[0]?.extensions?.["code"];
  for (const text of [
    "{ jobs(table: Sorting) { totalCount } }",
    "{ jobProgress(table: Quality) { total } }",
    "mutation { refreshJobs(table: Sorting) { added } }",
    "mutation { reserveJob(table: Sorting) { jobs { id } } }",
    `mutation { ignoreJobs(table: Sorting, keys: [{subject: 1, session: 1, probe: "p"}]) { jobs { id } } }`,
    "mutation { resetJobs(table: Sorting) { count } }",
  ]) {
    expect([text, code(await as("some", text))]).toEqual([text, "FORBIDDEN"]);
    expect([text, code(await as("all", text))]).toEqual([text, undefined]);
    expect([text, code(await as("elsewhere", text))]).toEqual([
      text,
      /Quality/.test(text) ? "FORBIDDEN" : undefined,
    ]);
  }
  const { jobs } = (await lab.data("mutation { reserveJob(table: Sorting, limit: 2) { jobs { id } } }"))
    .reserveJob;
  for (const text of [
    "completeJob(job: $id) { rows }",
    'failJob(job: $id, message: "x") { job { id } }',
    "heartbeatJob(jobs: [$id]) { lost }",
    "releaseJobs(jobs: [$id]) { lost }",
  ]) {
    const query = `mutation { ${text.replace("$id", JSON.stringify(jobs[0].id))} }`;
    expect(code(await as("some", query))).toBe("FORBIDDEN");
  }
  await db.query(`DROP TABLE lab."~~sorting"`);
  expect(
    code(await still.execute({ query: "mutation { refreshJobs(table: Sorting) { added } }" }, anyone)),
  ).toBe("FORBIDDEN");
  expect(
    (
      await still.execute(
        { query: "{ jobProgress(table: Sorting) { total pending } jobs(table: Sorting) { totalCount } }" },
        anyone,
      )
    ).data,
  ).toEqual({
    jobProgress: { total: 8, pending: 0 },
    jobs: { totalCount: 0 },
  });
  expect((await db.query(`SELECT to_regclass('lab."~~sorting"') AS found`)).rows).toEqual([{ found: null }]);
  await ruled.server.stop();
  await still.server.stop();
});
