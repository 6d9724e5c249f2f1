/** Jobs through the API: made, reserved, kept, ended, and taken over. */

import { beforeEach, describe, expect, test } from "vitest";
import { anyone } from "../laboratory.ts";
import { openJobs } from "./laboratory.ts";

const lab = await openJobs();
const made = () => lab.sql(`SELECT subject, session, probe FROM lab.__sorting ORDER BY 1, 2, 3`);
/** As if the lease had ended: nothing else tells. */
const endLeases = () =>
  lab.sql(`UPDATE lab."~~sorting" SET reserved_time = reserved_time - interval '1 hour', scheduled_time = scheduled_time - interval '1 hour'
    WHERE status = 'reserved' AND scheduled_time > reserved_time`);
const ids = (jobs: readonly { id: string }[]) => jobs.map(({ id }) => id);

beforeEach(async () => {
  await lab.sql(`DROP TABLE IF EXISTS lab."~~sorting"`);
  await lab.sql(`DELETE FROM lab.__quality; DELETE FROM lab.__sorting__unit; DELETE FROM lab.__sorting`);
});

describe("a queue of jobs", () => {
  test("has one for each key that the references lead to, and is empty when all rows are made", async () => {
    expect(await lab.progress()).toEqual({
      pending: 0,
      reserved: 0,
      success: 0,
      error: 0,
      ignore: 0,
      total: 8,
      done: 0,
      remaining: 8,
    });
    expect(await lab.jobs()).toEqual([]);
    expect(await lab.reserve()).toEqual([]);
    expect(await lab.refresh()).toEqual({ added: 8, removed: 0, returned: 0 });
    expect(await lab.refresh()).toEqual({ added: 0, removed: 0, returned: 0 });
    const [job, ...others] = await lab.reserve(', host: "rig-1", pid: 7, version: "v1"');
    expect(others).toEqual([]);
    expect(job).toMatchObject({
      table: "Sorting",
      key: { subject: 1, session: 1, probe: "p" },
      input: { session: { key: { subject: 1, session: 1 } }, probe: { key: { probe: "p" } } },
      status: "RESERVED",
      priority: 5,
      completedTime: null,
      errorMessage: null,
      host: "rig-1",
      pid: 7,
      version: "v1",
      user: "anonymous",
    });
    expect(Date.parse(job.leaseUntil) - Date.parse(job.reservedTime)).toBe(60_000);
    const answer = await lab.complete(job.id, { ...job.input, units: 3 }, ", durationSeconds: 1.5");
    expect(answer.errors).toBeUndefined();
    expect(answer.data).toMatchObject({
      createSorting: { sorting: { units: 3 } },
      completeJob: {
        rows: 1,
        job: { status: "SUCCESS", durationSeconds: 1.5, version: "v1", key: job.key, leaseUntil: null },
      },
    });
    for (const next of await lab.reserve(", limit: 100"))
      await lab.complete(next.id, { ...next.input, units: 1 });
    expect(await lab.progress()).toMatchObject({ pending: 0, reserved: 0, total: 8, done: 8, remaining: 0 });
    expect(await lab.jobs()).toEqual([]);
    expect(await lab.refresh()).toEqual({ added: 0, removed: 0, returned: 0 });
    expect(await made()).toHaveLength(8);
  });

  test("gives each job out once, the most urgent first, those that are due", async () => {
    await lab.refresh(", delaySeconds: 3600");
    expect(await lab.reserve()).toEqual([]);
    await lab.sql(
      `UPDATE lab."~~sorting" SET scheduled_time = created_time, priority = CASE probe WHEN 'q' THEN 1 ELSE 7 END`,
    );
    expect(await lab.reserve(", limit: 9, maxPriority: 0")).toEqual([]);
    const first = await lab.reserve(", limit: 3");
    const rest = await Promise.all([lab.reserve(", limit: 3"), lab.reserve(", limit: 3"), lab.reserve()]);
    expect(first.map(({ key }: { key: { probe: string } }) => key.probe)).toEqual(["q", "q", "q"]);
    const keys = [first, ...rest].flat().map(({ key }) => JSON.stringify(key));
    expect(new Set(keys).size).toBe(keys.length);
    expect(await lab.reserve(", limit: 9")).toHaveLength(8 - keys.length);
    expect(await lab.progress()).toMatchObject({ pending: 0, reserved: 8 });
  });

  test("is made once by requests that all want it", async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => lab.refresh()));
    expect(all.map(({ added }) => added).sort()).toEqual([0, 0, 0, 0, 0, 8]);
    expect(await lab.jobs()).toHaveLength(8);
  });

  test("leaves keys out that have a row already, and takes their jobs away when they come up", async () => {
    await lab.refresh();
    await lab.sql(
      `INSERT INTO lab.__sorting SELECT subject, session, probe, 0 FROM lab."~~sorting" WHERE probe = 'p'`,
    );
    const jobs = await lab.reserve(", limit: 3");
    expect(jobs.map(({ key }: { key: { probe: string } }) => key.probe)).toEqual(["q", "q", "q"]);
    expect(await lab.reserve(", limit: 9")).toHaveLength(1);
    expect(await lab.jobs()).toHaveLength(4);
  });
});

describe("a reservation", () => {
  test("whose lease has ended goes to another worker, and the first one writes nothing any more", async () => {
    await lab.refresh();
    const [late] = await lab.reserve();
    await endLeases();
    const [taken] = await lab
      .reserve(", limit: 100")
      .then((jobs) =>
        jobs.filter(({ key }: { key: object }) => JSON.stringify(key) === JSON.stringify(late.key)),
      );
    expect(taken.id).not.toBe(late.id);
    const refused = await lab.complete(late.id, { ...late.input, units: 1 });
    expect(refused.data).toBeNull();
    expect(refused.errors?.[0]).toMatchObject({
      path: ["completeJob"],
      extensions: { code: "JOB_LOST", retryable: false, committed: false, field: "job" },
    });
    expect(refused.errors?.[0]?.extensions?.["remedy"]).toMatch(/reserve another/);
    expect(await made()).toEqual([]);
    const error = await lab.fault(`mutation ($id: ID!) { failJob(job: $id, message: "x") { job { id } } }`, {
      id: late.id,
    });
    expect(error.code).toBe("JOB_LOST");
    expect((await lab.complete(taken.id, { ...taken.input, units: 2 })).errors).toBeUndefined();
    // Ended is ended: the same request again is refused as a whole.
    const again = await lab.complete(taken.id, { ...taken.input, units: 3 });
    expect(again.errors?.[0]?.extensions?.["code"]).toBe("CONSTRAINT_VIOLATION");
    expect(await lab.sql("SELECT units FROM lab.__sorting")).toEqual([{ units: 2 }]);
  });

  test("that nobody took is still its worker's, however late", async () => {
    await lab.refresh();
    const [job] = await lab.reserve();
    await endLeases();
    expect((await lab.complete(job.id, { ...job.input, units: 1 })).errors).toBeUndefined();
    expect(await made()).toHaveLength(1);
  });

  test("is kept by heartbeats, which tell what is lost", async () => {
    await lab.refresh();
    const jobs = await lab.reserve(", limit: 3");
    await endLeases();
    const beat = (more = "") =>
      lab.data(
        `mutation ($ids: [ID!]!) { heartbeatJob(jobs: $ids${more}) { lost jobs { id status leaseUntil reservedTime } } }`,
        {
          ids: ids(jobs),
        },
      );
    const kept = (await beat(", leaseSeconds: 100")).heartbeatJob;
    expect(kept.lost).toEqual([]);
    expect(ids(kept.jobs)).toEqual(ids(jobs));
    for (const { leaseUntil, reservedTime } of kept.jobs)
      expect(Date.parse(leaseUntil) - Date.parse(reservedTime)).toBe(100_000);
    expect(await lab.reserve(", limit: 100")).toHaveLength(5);
    await lab.complete(jobs[0].id, { ...jobs[0].input, units: 1 });
    await endLeases();
    await lab.refresh();
    expect((await beat()).heartbeatJob).toEqual({ lost: ids(jobs), jobs: [] });
  });

  test("can be given back, and then anybody has it at once", async () => {
    await lab.refresh();
    const jobs = await lab.reserve(", limit: 8");
    const release =
      "mutation ($ids: [ID!]!) { releaseJobs(jobs: $ids) { lost jobs { status host leaseUntil reservedTime } } }";
    const back = (await lab.data(release, { ids: [jobs[1].id, jobs[1].id] })).releaseJobs;
    expect(back).toEqual({
      lost: [],
      jobs: [{ status: "PENDING", host: "", leaseUntil: null, reservedTime: null }],
    });
    expect((await lab.data(release, { ids: [jobs[1].id] })).releaseJobs).toEqual({
      lost: [jobs[1].id],
      jobs: [],
    });
    expect((await lab.reserve(", limit: 8")).map(({ key }: { key: object }) => key)).toEqual([jobs[1].key]);
  });

  test("of a worker of DataJoint is taken back by orphanSeconds alone", async () => {
    await lab.refresh();
    await lab.sql(`UPDATE lab."~~sorting" SET status = 'reserved', reserved_time = now() - interval '2 hours', scheduled_time = now() - interval '3 hours',
      host = 'py', connection_id = 4711 WHERE probe = 'p'`);
    expect(await lab.reserve(", limit: 100, leaseSeconds: 1")).toHaveLength(4);
    expect(
      (await lab.jobs(", status: [RESERVED]")).filter(({ host }: { host: string }) => host === "py"),
    ).toHaveLength(4);
    expect(await lab.refresh(", orphanSeconds: 10000")).toEqual({ added: 0, removed: 0, returned: 0 });
    expect(await lab.refresh(", orphanSeconds: 3600")).toEqual({ added: 0, removed: 0, returned: 4 });
    expect(await lab.jobs(", status: [PENDING]")).toHaveLength(4);
  });
});

describe("the end of a job", () => {
  test("with an error keeps the message and the stack, until it is reset", async () => {
    await lab.refresh();
    const [job] = await lab.reserve();
    const fail =
      "mutation ($id: ID!, $m: String!, $s: String) { failJob(job: $id, message: $m, stack: $s) { job { id status errorMessage errorStack completedTime } } }";
    const stack = `Error: é \u{1F600}\n${"  at x\n".repeat(400)}`;
    const message = `${"😀".repeat(3000)}`;
    const { failJob } = await lab.data(fail, { id: job.id, m: message, s: stack });
    expect(failJob.job).toMatchObject({ status: "ERROR", errorStack: stack });
    expect([...failJob.job.errorMessage]).toHaveLength(2047);
    expect(failJob.job.errorMessage.endsWith("😀...truncated")).toBe(true);
    const [stored] = await lab.sql(
      `SELECT status::text, octet_length(error_stack) AS size FROM lab."~~sorting" WHERE error_stack IS NOT NULL`,
    );
    expect(stored?.["size"]).toBeLessThan(300);
    expect(await lab.jobs(", status: [ERROR]")).toEqual([
      expect.objectContaining({ id: failJob.job.id, errorStack: failJob.job.errorStack }),
    ]);
    expect(await lab.reserve(", limit: 100")).toHaveLength(7);
    expect(await lab.refresh()).toEqual({ added: 0, removed: 0, returned: 0 });
    const reset = (more: string) => lab.data(`mutation { resetJobs(table: Sorting${more}) { count } }`);
    expect(await reset(', keys: [{subject: 9, session: 1, probe: "p"}]')).toEqual({
      resetJobs: { count: 0 },
    });
    expect(await reset("")).toEqual({ resetJobs: { count: 1 } });
    expect(await lab.reserve(", limit: 100")).toEqual([
      expect.objectContaining({ key: job.key, errorMessage: null, errorStack: null, completedTime: null }),
    ]);
  });

  test("may stay as SUCCESS, and comes again when its row is deleted", async () => {
    await lab.refresh();
    const [job] = await lab.reserve();
    await lab.complete(job.id, { ...job.input, units: 1 }, ', keep: true, version: "v2"');
    const [kept] = await lab.jobs(", status: [SUCCESS]");
    expect(kept).toMatchObject({ status: "SUCCESS", version: "v2", leaseUntil: null, key: job.key });
    expect(kept.durationSeconds).toBeGreaterThanOrEqual(0);
    expect(await lab.refresh()).toEqual({ added: 0, removed: 0, returned: 0 });
    await lab.sql("DELETE FROM lab.__sorting");
    expect(await lab.refresh()).toEqual({ added: 0, removed: 0, returned: 1 });
    expect(await lab.jobs(", status: [PENDING]")).toHaveLength(8);
  });

  test("is told in the row, where its table has columns for it", async () => {
    const columns = [
      `ADD "_job_start_time" timestamp(3) DEFAULT NULL, ADD "_job_duration" real DEFAULT NULL, ADD "_job_version" varchar(64) NOT NULL DEFAULT ''`,
      `ADD "_job_start_time" timestamp DEFAULT NULL, ADD "_job_duration" real DEFAULT NULL, ADD "_job_version" varchar(64) DEFAULT ''`,
      `ADD "_job_duration" real`,
    ];
    for (const each of columns) {
      await lab.sql(`ALTER TABLE lab.__sorting ${each}`);
      await lab.sql("DELETE FROM lab.__sorting");
      await lab.refresh();
      const [job] = await lab.reserve(', version: "abc"');
      expect(
        (await lab.complete(job.id, { ...job.input, units: 1 }, ", durationSeconds: 30")).errors,
      ).toBeUndefined();
      const [row] = await lab.sql(`SELECT to_jsonb(s) AS row FROM lab.__sorting s`);
      const told = JSON.parse(String(row?.["row"]));
      expect(told._job_duration).toBe(30);
      if ("_job_version" in told) {
        expect(told._job_version).toBe("abc");
        const ago = Date.now() - Date.parse(`${told._job_start_time}Z`);
        expect(ago).toBeGreaterThan(29_000);
        expect(ago).toBeLessThan(90_000);
      }
      await lab.sql(
        `ALTER TABLE lab.__sorting DROP COLUMN IF EXISTS "_job_start_time", DROP COLUMN "_job_duration", DROP COLUMN IF EXISTS "_job_version"`,
      );
    }
  });

  test("is told together with other writes of the request, or not at all", async () => {
    await lab.refresh();
    const [a, b] = await lab.reserve(", limit: 2");
    const text = `mutation ($a: ID!, $b: ID!, $x: CreateSortingInput!, $y: CreateSortingInput!) {
      one: createSorting(input: $x) { sorting { units } } done: completeJob(job: $a) { rows }
      two: createSorting(input: $y) { sorting { units } } also: completeJob(job: $b) { rows } }`;
    const x = { ...a.input, units: 1 };
    expect(await lab.fault(text, { a: a.id, b: a.id, x, y: { ...b.input, units: 2 } })).toMatchObject({
      code: "JOB_LOST",
      path: ["also"],
    });
    expect(await made()).toEqual([]);
    expect(await lab.progress()).toMatchObject({ reserved: 2 });
    expect(await lab.data(text, { a: a.id, b: b.id, x, y: { ...b.input, units: 2 } })).toMatchObject({
      done: { rows: 1 },
      also: { rows: 1 },
    });
    expect(await made()).toHaveLength(2);
  });
});

describe("keys that need no work", () => {
  test("are ignored, with a job or without", async () => {
    const keys = [
      { subject: 1, session: 1, probe: "q" },
      { subject: 2, session: 2, probe: "p" },
    ];
    const ignore = (given: readonly object[]) =>
      lab.data(
        "mutation ($keys: [JSON!]!) { ignoreJobs(table: Sorting, keys: $keys) { jobs { key status } } }",
        { keys: given },
      );
    expect((await ignore([...keys, keys[0] ?? {}])).ignoreJobs.jobs).toHaveLength(2);
    expect(await lab.refresh()).toMatchObject({ added: 6 });
    const jobs = await lab.reserve(", limit: 8");
    expect(jobs).toHaveLength(6);
    // What a worker has is over when it is ignored.
    await ignore([jobs[0].key]);
    expect(
      (await lab.complete(jobs[0].id, { ...jobs[0].input, units: 1 })).errors?.[0]?.extensions?.["code"],
    ).toBe("JOB_LOST");
    expect(await lab.jobs(", status: [IGNORE]")).toHaveLength(3);
    const reset = await lab.data(
      "mutation ($keys: [JSON!]) { resetJobs(table: Sorting, status: [IGNORE], keys: $keys) { count } }",
      { keys },
    );
    expect(reset).toEqual({ resetJobs: { count: 2 } });
  });

  test("go when their parents are gone: what has ended at once, what waits when it is old, what somebody works on never", async () => {
    await lab.sql(`INSERT INTO lab.subject VALUES (3, 'c'); INSERT INTO lab.session VALUES (3, 1), (3, 2)`);
    await lab.refresh();
    await lab.reserve(", limit: 100");
    await lab.sql(
      `UPDATE lab."~~sorting" SET status = 'error' WHERE subject = 3 AND session = 1 AND probe = 'p'`,
    );
    await lab.sql(
      `UPDATE lab."~~sorting" SET status = 'pending' WHERE subject = 3 AND session = 1 AND probe = 'q'`,
    );
    await lab.sql(
      `UPDATE lab."~~sorting" SET status = 'ignore' WHERE subject = 3 AND session = 2 AND probe = 'p'`,
    );
    await lab.sql("DELETE FROM lab.session WHERE subject = 3; DELETE FROM lab.subject WHERE subject = 3");
    expect(await lab.refresh()).toEqual({ added: 0, removed: 1, returned: 0 });
    await lab.sql(`UPDATE lab."~~sorting" SET created_time = created_time - interval '2 hours'`);
    expect(await lab.refresh(", staleSeconds: 0")).toMatchObject({ removed: 0 });
    expect(await lab.refresh(", staleSeconds: 8000")).toMatchObject({ removed: 0 });
    expect(await lab.refresh()).toMatchObject({ removed: 1 });
    const left = await lab.sql(`SELECT status::text FROM lab."~~sorting" WHERE subject = 3 ORDER BY probe`);
    expect(left).toEqual([{ status: "ignore" }, { status: "reserved" }]);
    await endLeases();
    expect(await lab.refresh()).toMatchObject({ removed: 1 });
  });
});

test("jobs of a key that is longer than its references are for what these lead to", async () => {
  expect(await lab.refresh("", "Recording")).toMatchObject({ added: 4 });
  const [job] = await lab.reserve("", "Recording");
  expect(job).toMatchObject({
    key: { subject: 1, session: 1 },
    input: { session: { key: { subject: 1, session: 1 } } },
  });
  const rows = [1, 2].map((take) => ({ ...job.input, take, samples: "9007199254740993" }));
  const text =
    "mutation ($id: ID!, $rows: [CreateRecordingInput!]!) { createRecordings(rows: $rows) { count } completeJob(job: $id) { rows } }";
  expect(await lab.data(text, { id: job.id, rows })).toEqual({
    createRecordings: { count: 2 },
    completeJob: { rows: 2 },
  });
  expect(await lab.progress("Recording")).toMatchObject({ pending: 3, total: 4, done: 1 });
  expect(await lab.reserve(", limit: 9", "Recording")).toHaveLength(3);
});

test("pages go on where the last one ended, in the order of work", async () => {
  await lab.refresh();
  await lab.sql(
    `UPDATE lab."~~sorting" SET priority = subject, scheduled_time = created_time + session * interval '1 second'`,
  );
  const text = `query ($after: String) { jobs(table: Sorting, first: 3, after: $after) { totalCount edges { cursor node { key } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
  const seen: object[] = [];
  let after: string | null = null;
  for (let more = true; more; ) {
    const { jobs } = await lab.data(text, { after });
    expect(jobs.totalCount).toBe(8);
    expect(jobs.pageInfo.hasPreviousPage).toBe(after !== null);
    seen.push(...jobs.edges.map(({ node }: { node: { key: object } }) => node.key));
    expect(jobs.pageInfo.endCursor).toBe(jobs.edges.at(-1).cursor);
    after = jobs.pageInfo.endCursor;
    more = jobs.pageInfo.hasNextPage;
  }
  const wanted = [1, 2].flatMap((subject) =>
    [1, 2].flatMap((session) => ["p", "q"].map((probe) => ({ subject, session, probe }))),
  );
  expect(seen).toEqual(wanted);
  expect(
    await lab.data("{ jobs(table: Sorting, status: [ERROR, IGNORE]) { totalCount nodes { id } } }"),
  ).toEqual({ jobs: { totalCount: 0, nodes: [] } });
});

test("everything else of a request is answered beside them, whatever becomes of them", async () => {
  const text = `query ($after: String) { sortings { totalCount } mine: jobs(table: Sorting, after: $after) { ...Page __typename } jobProgress(table: Quality) { table total __typename } }
    fragment Page on JobConnection { nodes { status } }`;
  const expected = {
    sortings: { totalCount: 0 },
    mine: { nodes: [], __typename: "JobConnection" },
    jobProgress: { table: "Quality", total: 0, __typename: "JobProgress" },
  };
  expect(await lab.data(text)).toEqual(expected);
  expect(await lab.data(text)).toEqual(expected);
  expect(await lab.fault(text, { after: "x" })).toMatchObject({
    code: "BAD_USER_INPUT",
    path: ["mine"],
    data: null,
  });
});

test("who may not write reads, and reserves nothing", async () => {
  const reader = { ...anyone, principal: { name: "eve", rights: new Set(["READ"] as const) } };
  const read = await lab.execute({ query: "{ jobs(table: Sorting) { totalCount } }" }, reader);
  expect(read.errors).toBeUndefined();
  const write = await lab.execute({ query: "mutation { refreshJobs(table: Sorting) { added } }" }, reader);
  expect(write.errors?.[0]?.extensions?.["code"]).toBe("FORBIDDEN");
});
