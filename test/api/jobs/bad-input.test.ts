/** What fields of jobs refuse, by name; and where there are none. */

import { describe, expect, test } from "vitest";
import { buildEntitySchema } from "../../../src/api/schema.ts";
import { model as modelOf } from "../../support/sdl.ts";
import { shippedRegistry } from "../laboratory.ts";
import { openJobs } from "./laboratory.ts";

const lab = await openJobs();
await lab.refresh();
const [job] = await lab.reserve();
const [listed] = await lab.jobs(", status: [PENDING]");
const [, , , token, start] = JSON.parse(Buffer.from(job.id, "base64").toString());
const id = (...parts: readonly unknown[]) => Buffer.from(JSON.stringify(parts)).toString("base64");

const key = `{subject: 1, session: 1, probe: "p"}`;
const refused: readonly (readonly [field: string, code: string, text: string, says: RegExp])[] = [
  ["priority", "BAD_USER_INPUT", "refreshJobs(table: Sorting, priority: 128) { added }", /from -128 to 127/],
  ["delaySeconds", "BAD_USER_INPUT", "refreshJobs(table: Sorting, delaySeconds: -1) { added }", /from 0/],
  ["staleSeconds", "BAD_USER_INPUT", "refreshJobs(table: Sorting, staleSeconds: 1e300) { added }", /from 0/],
  ["orphanSeconds", "BAD_USER_INPUT", "refreshJobs(table: Sorting, orphanSeconds: -0.5) { added }", /from 0/],
  ["limit", "BAD_USER_INPUT", "reserveJob(table: Sorting, limit: 0) { jobs { id } }", /from 1 to 1000/],
  ["limit", "LIMIT_EXCEEDED", "reserveJob(table: Sorting, limit: 1001) { jobs { id } }", /1000/],
  [
    "leaseSeconds",
    "BAD_USER_INPUT",
    "reserveJob(table: Sorting, leaseSeconds: 0.5) { jobs { id } }",
    /from 1 to/,
  ],
  ["leaseSeconds", "BAD_USER_INPUT", "heartbeatJob(jobs: [], leaseSeconds: 1e9) { lost }", /from 1 to/],
  [
    "version",
    "BAD_USER_INPUT",
    `reserveJob(table: Sorting, version: "${"v".repeat(65)}") { jobs { id } }`,
    /longer than 64/,
  ],
  [
    "host",
    "BAD_USER_INPUT",
    `reserveJob(table: Sorting, host: "${"h".repeat(256)}") { jobs { id } }`,
    /longer than 255/,
  ],
  ["job", "BAD_USER_INPUT", `completeJob(job: "nothing") { rows }`, /no id of a job/],
  ["job", "BAD_USER_INPUT", `completeJob(job: "${listed.id}") { rows }`, /names no reservation/],
  [
    "jobs",
    "BAD_USER_INPUT",
    `heartbeatJob(jobs: ["${job.id}", "${listed.id}"]) { lost }`,
    /names no reservation/,
  ],
  [
    "jobs",
    "BAD_USER_INPUT",
    `releaseJobs(jobs: ["${id("Sorting", "1", "1", "p")}"]) { lost }`,
    /no id of a job/,
  ],
  [
    "job",
    "BAD_USER_INPUT",
    `failJob(job: "${id("~job", "Subject", ["1"], token, start)}", message: "") { job { id } }`,
    /no id/,
  ],
  [
    "job",
    "BAD_USER_INPUT",
    `failJob(job: "${id("~job", "Sorting", ["1", "1"], token, start)}", message: "") { job { id } }`,
    /no id/,
  ],
  [
    "job",
    "BAD_USER_INPUT",
    `failJob(job: "${id("~job", "Sorting", ["1", "x", "p"], token, start)}", message: "") { job { id } }`,
    /no id/,
  ],
  [
    "job",
    "BAD_USER_INPUT",
    `failJob(job: "${id("~job", "Sorting", ["1", 1, "p"], token, start)}", message: "") { job { id } }`,
    /no id/,
  ],
  [
    "job",
    "BAD_USER_INPUT",
    `failJob(job: "${id("~job", "Sorting", ["1", "1", "p"], `${token}' OR true`, start)}", message: "") { job { id } }`,
    /no id/,
  ],
  [
    "job",
    "BAD_USER_INPUT",
    `failJob(job: "${id("~job", "Sorting", ["1", "1", "p"], token, 1e300)}", message: "") { job { id } }`,
    /no id/,
  ],
  [
    "durationSeconds",
    "BAD_USER_INPUT",
    `completeJob(job: "${job.id}", durationSeconds: -1) { rows }`,
    /from 0/,
  ],
  [
    "version",
    "BAD_USER_INPUT",
    `completeJob(job: "${job.id}", version: "${"v".repeat(65)}") { rows }`,
    /longer than 64/,
  ],
  [
    "keys.0.probe",
    "BAD_USER_INPUT",
    "ignoreJobs(table: Sorting, keys: [{subject: 1, session: 1}]) { jobs { id } }",
    /is missing/,
  ],
  [
    "keys.1.unit",
    "BAD_USER_INPUT",
    `ignoreJobs(table: Sorting, keys: [${key}, {subject: 1, session: 1, probe: "p", unit: 3}]) { jobs { id } }`,
    /no part of the key/,
  ],
  [
    "keys.0.subject",
    "BAD_USER_INPUT",
    `ignoreJobs(table: Sorting, keys: [{subject: "one", session: 1, probe: "p"}]) { jobs { id } }`,
    /one/,
  ],
  ["keys.0", "BAD_USER_INPUT", "ignoreJobs(table: Sorting, keys: [3]) { jobs { id } }", /no input object/],
  [
    "status",
    "BAD_USER_INPUT",
    "resetJobs(table: Sorting, status: [ERROR, RESERVED]) { count }",
    /orphanSeconds/,
  ],
  ["status", "BAD_USER_INPUT", "resetJobs(table: Sorting, status: [PENDING]) { count }", /cannot be reset/],
];

test.each(refused)("%s: %s for %s", async (field, code, text, says) => {
  const { data, extensions, message } = { extensions: {}, ...(await lab.fault(`mutation { ${text} }`)) };
  expect({ data, field: extensions["field"], code: extensions["code"] }).toEqual({ data: null, field, code });
  expect(message).toMatch(says);
  expect(await lab.jobs()).toHaveLength(8);
});

describe("pages", () => {
  const cursor = (...parts: readonly unknown[]) =>
    `after: "${Buffer.from(JSON.stringify(parts)).toString("base64")}"`;
  const due = "2026-01-01 00:00:00";
  test.each([
    ["first: -1", "BAD_USER_INPUT"],
    ["first: 1001", "LIMIT_EXCEEDED"],
    [`after: ""`, "BAD_USER_INPUT"],
    [cursor("~jobs", "Quality", 5, due, "1", "1", "p"), "BAD_USER_INPUT"],
    [cursor("~jobs", "Sorting", 5, "now", "1", "1", "p"), "BAD_USER_INPUT"],
    [cursor("~jobs", "Sorting", 5e9, due, "1", "1", "p"), "BAD_USER_INPUT"],
    [cursor("~jobs", "Sorting", 5, due, "1", "1'", "p"), "BAD_USER_INPUT"],
    [cursor("~jobs", "Sorting", 5, due, "1", "1"), "BAD_USER_INPUT"],
  ])("refuse %s", async (argument, code) => {
    expect(await lab.fault(`{ jobs(table: Sorting, ${argument}) { totalCount } }`)).toMatchObject({
      code,
      data: null,
    });
  });
});

test("a table of that name and another form is told, and left as it is", async () => {
  await lab.sql(`CREATE TABLE lab."~~quality" (n int)`);
  for (const text of [
    "mutation { refreshJobs(table: Quality) { added } }",
    "mutation { reserveJob(table: Quality) { jobs { id } } }",
    "{ jobs(table: Quality) { totalCount } }",
  ])
    expect(await lab.fault(text)).toMatchObject({
      code: "SCHEMA_DRIFT",
      message: expect.stringContaining("connection_id"),
    });
  await lab.sql(`DROP TABLE lab."~~quality"`);
  await lab.refresh("", "Quality");
  await lab.sql(
    `ALTER TABLE lab."~~quality" DROP CONSTRAINT "~~quality_pkey", ADD PRIMARY KEY (subject, session)`,
  );
  expect(await lab.fault("{ jobs(table: Quality) { totalCount } }")).toMatchObject({
    code: "SCHEMA_DRIFT",
    message: expect.stringContaining("subject, session, probe"),
  });
  await lab.sql(`DROP TABLE lab."~~quality"`);
});

test("a model without tables that workers fill has no jobs", async () => {
  const registry = await shippedRegistry();
  const sdlOf = (text: string) => buildEntitySchema(modelOf(text), registry).sdl;
  const parent = "type Parent @table { n: Int! @key } ";
  const none = [
    `${parent} type Child @table { parent: Parent! @key }`,
    // Nothing leads to its keys.
    `${parent} type Child @table(tier: COMPUTED) { m: Int! @key  parent: Parent! }`,
    // One table of jobs for two.
    `${parent} type Scan @table(tier: COMPUTED) { parent: Parent! @key } type Other @table(tier: IMPORTED, name: "scan") { parent: Parent! @key }`,
    // Its name would be too long for PostgreSQL.
    `${parent} type Long @table(tier: IMPORTED, name: "${"a".repeat(62)}") { parent: Parent! @key }`,
  ];
  for (const text of none) expect(sdlOf(text)).not.toMatch(/\bJob|[jJ]obs/);
  const sdl = sdlOf(
    `${parent} type Child @table(tier: IMPORTED) { parent: Parent! @key } type ChildPart @table(partOf: "Child") { child: Child! @key  part: Int! @key }`,
  );
  expect(/enum JobTable \{([^}]*)\}/.exec(sdl)?.[1]?.trim()).toBe("Child");
  expect(() => modelOf(`type Job @table { n: Int! @key }`)).toThrow(/Job/);
});
