/**
 * Writes and reads with types inferred from the documents; nothing but the schema's own types is generated.
 *
 * Run: `npm run generate && npm start -- http://127.0.0.1:4000/graphql`
 */

import assert from "node:assert/strict";
import type { ResultOf, VariablesOf } from "gql.tada";
import { ask, Refused } from "./ask.ts";
import { graphql } from "./graphql.ts";

const url = process.argv[2] ?? "http://127.0.0.1:4000/graphql";

const createSubject = graphql(`
  mutation ($input: CreateSubjectInput!) {
    createSubject(input: $input) { subject { subjectId weight } }
  }
`);

const createSessions = graphql(`
  mutation ($rows: [CreateSessionInput!]!) {
    createSessions(rows: $rows) { count }
  }
`);

const updateSession = graphql(`
  mutation ($key: SessionKey!, $set: SessionPatch!) {
    updateSession(key: $key, set: $set) { session { ticks comment charge } }
  }
`);

const oneSession = graphql(`
  query ($subjectId: BigInt!, $sessionIdx: Int!) {
    session(subjectId: $subjectId, sessionIdx: $sessionIdx) {
      startedAt quality comment ticks charge gain rig checksum settings
      trace { dtype shape url values(slice: [{ start: 0, stop: 2 }, { index: 1 }]) }
    }
  }
`);

const listSessions = graphql(`
  query ($where: SessionFilter, $after: String) {
    sessions(where: $where, orderBy: [{ startedAt: DESC }], first: 100, after: $after) {
      nodes { sessionIdx startedAt quality }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

type Row = VariablesOf<typeof createSessions>["rows"][number];
type Listed = ResultOf<typeof listSessions>["sessions"]["nodes"][number];

/** The instant so many microseconds after half past four. */
const at = (micros: number) => `2026-05-01T04:30:00.${String(micros).padStart(6, "0")}Z`;

/** Microseconds since 1970 of an instant in UTC; a `Date` has milliseconds only. */
const micros = (text: string) =>
  BigInt(Date.parse(`${text.slice(0, 19)}Z`)) * 1000n + BigInt(text.slice(20, -1).padEnd(6, "0"));

// An animal. Its number is above 2^53, where JSON numbers lose digits; here none is lost.
const subjectId = String(process.hrtime.bigint() + 2n ** 62n);
const made = await ask(url, createSubject, {
  input: { subjectId, name: `m${subjectId}`, born: "2026-02-28", weight: "21.350" },
});
assert.deepEqual(made.createSubject.subject, { subjectId, weight: "21.350" });

// A session with a value of every kind, and many more, in one request.
const subject = { key: { subjectId } };
const full: Row = {
  subject,
  sessionIdx: 0,
  startedAt: "2026-05-01T06:30:00.000001+02:00",
  quality: "POOR",
  comment: "first",
  ticks: String(2n ** 63n - 1n),
  charge: "-12345678901234567890.123456789012345678",
  gain: "NaN",
  rig: "7f0c2f36-9a3e-4d1e-8a57-6f3a1e0c9b42",
  checksum: Buffer.from([0, 255, 16]).toString("base64"),
  settings: { channels: [1, 2] },
  trace: { values: { dtype: "float32", shape: [3, 2], data: [1, 2, 3, 4, 5, 6.5] } },
};
const more = Array.from({ length: 250 }, (_, i): Row => {
  return { subject, sessionIdx: i + 1, startedAt: at(i + 2), quality: "GOOD" };
});
const { createSessions: written } = await ask(url, createSessions, { rows: [full, ...more] });
assert.equal(written.count, 251);

// What was written, digit by digit.
const { session } = await ask(url, oneSession, { subjectId, sessionIdx: 0 });
assert(session?.trace);
const { trace, ...values } = session;
assert.deepEqual(values, {
  startedAt: at(1),
  quality: "POOR",
  comment: "first",
  ticks: "9223372036854775807",
  charge: "-12345678901234567890.123456789012345678",
  gain: "NaN",
  rig: "7f0c2f36-9a3e-4d1e-8a57-6f3a1e0c9b42",
  checksum: "AP8Q",
  settings: { channels: [1, 2] },
});
assert.equal(BigInt(values.ticks ?? 0), 2n ** 63n - 1n);

// An array: facts and slices are in the answer, the bytes of the .npy file behind its URL.
assert.deepEqual([trace.dtype, trace.shape, trace.values], ["float32", [3, 2], [2, 4]]);
const file = await (await fetch(trace.url)).arrayBuffer();
const elements = new Float32Array(file.slice(-24));
assert.deepEqual([...elements], [1, 2, 3, 4, 5, 6.5]);

// A patch changes what it names: null clears a field, what is left out stays.
const revised = await ask(url, updateSession, {
  key: { subjectId, sessionIdx: 0 },
  set: { ticks: String(-(2n ** 63n)), comment: null },
});
assert.deepEqual(revised.updateSession.session, {
  ticks: "-9223372036854775808",
  comment: null,
  charge: "-12345678901234567890.123456789012345678",
});

// A filtered list, page by page.
const where = { subjectId: { eq: subjectId }, startedAt: { gt: at(1) }, quality: { in: ["GOOD" as const] } };
const found: Listed[] = [];
for (let after: string | null = null; ; ) {
  const { sessions }: ResultOf<typeof listSessions> = await ask(url, listSessions, { where, after });
  found.push(...sessions.nodes);
  after = sessions.pageInfo.endCursor;
  if (!sessions.pageInfo.hasNextPage) break;
}
assert.deepEqual(
  found.map(({ startedAt }) => micros(startedAt)),
  more.map(({ startedAt }) => micros(startedAt)).reverse(),
);

// What goes wrong has a code to decide by, and a message to read.
const refusal = await ask(url, createSessions, { rows: more }).then(
  () => assert.fail("rows with these keys are there already"),
  (error: unknown) => error,
);
assert(refusal instanceof Refused);
assert.equal(refusal.code, "CONSTRAINT_VIOLATION");
console.log(`refused, as it should be: ${refusal.message}`);

console.log(`gql.tada: ${found.length + 1} sessions of mouse ${subjectId}, every value exact`);
