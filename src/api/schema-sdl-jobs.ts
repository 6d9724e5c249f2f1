/** Jobs in the schema: only where the model has tables that workers fill. What they are is told in `docs/reference/jobs.md`. */

import type { Model } from "../model/model.ts";
import type { ReadField } from "../plan/plan-operation.ts";
import { jobSubjects } from "../sql/job/subject.ts";
import { definition, field, joined } from "./schema-sdl-names.ts";
import type { RootField } from "./schema-sdl-root.ts";
import type { JobWrite, WriteField } from "./write/contract.ts";

/** Fields of type Query. */
export function jobQueries(model: Model): readonly RootField<ReadField>[] {
  if (jobSubjects(model).length === 0) return [];
  return [
    {
      name: "jobs",
      sdl: field(
        "jobs(table: JobTable!, status: [JobStatus!], first: Int, after: String): JobConnection!",
        "Jobs of a table in the order in which workers take them: priority, scheduledTime, key.",
      ),
      does: { kind: "jobs" },
    },
    {
      name: "jobProgress",
      sdl: field(
        "jobProgress(table: JobTable!): JobProgress!",
        "How far a table is: its jobs by status, and the keys that it should have and has.",
      ),
      does: { kind: "jobProgress" },
    },
  ];
}

const mutations: readonly (readonly [kind: JobWrite, rest: string, description: string])[] = [
  [
    "refreshJobs",
    "(table: JobTable!, priority: Int! = 5, delaySeconds: Float! = 0, staleSeconds: Float! = 3600, orphanSeconds: Float): RefreshJobsPayload!",
    "Makes a job for each key that has neither row nor job, due in delaySeconds; takes jobs away whose key is gone, waiting ones when they are older than staleSeconds (0: never); makes those pending again whose lease has ended or whose row was deleted, and with orphanSeconds those that a worker of DataJoint has held for longer.",
  ],
  [
    "reserveJob",
    '(table: JobTable!, limit: Int! = 1, leaseSeconds: Float! = 60, maxPriority: Int, host: String! = "", pid: Int! = 0, version: String! = ""): ReserveJobPayload!',
    "Gives out the most urgent jobs that are due, each to one worker alone, until the lease ends; heartbeatJob moves that.",
  ],
  [
    "heartbeatJob",
    "(jobs: [ID!]!, leaseSeconds: Float! = 60): HeartbeatJobPayload!",
    "Says that the worker lives: the leases end leaseSeconds from now.",
  ],
  [
    "completeJob",
    "(job: ID!, durationSeconds: Float, version: String, keep: Boolean! = false): CompleteJobPayload!",
    "Ends a reservation whose rows are made: in one request with what creates them, behind it. Refused as JOB_LOST, and all of the request with it, where the reservation is over. keep leaves the job as SUCCESS.",
  ],
  [
    "failJob",
    "(job: ID!, message: String!, stack: String): FailJobPayload!",
    "Ends a reservation with an error, which stays until resetJobs. A message is cut at 2047 characters.",
  ],
  [
    "releaseJobs",
    "(jobs: [ID!]!): ReleaseJobsPayload!",
    "Gives reservations back at once, as a worker does that stops.",
  ],
  [
    "ignoreJobs",
    "(table: JobTable!, keys: [JSON!]!): IgnoreJobsPayload!",
    "Takes keys, as Job.key has them, out of the work; those without a job get one that says so.",
  ],
  [
    "resetJobs",
    "(table: JobTable!, status: [JobStatus!]! = [ERROR], keys: [JSON!]): ResetJobsPayload!",
    "Makes jobs pending again that are ERROR, IGNORE or SUCCESS; with keys only theirs.",
  ],
];

/** Fields of type Mutation. */
export function jobMutations(model: Model): readonly RootField<WriteField>[] {
  if (jobSubjects(model).length === 0) return [];
  return mutations.map(([kind, rest, description]) => ({
    name: kind,
    sdl: field(`${kind}${rest}`, description),
    does: { kind },
  }));
}

/** Their types. */
export function jobsSdl(model: Model): string {
  const subjects = jobSubjects(model);
  const tables = definition(
    "enum JobTable",
    subjects.map(({ entity }) => field(entity.name, entity.description)),
    "Tables that workers fill: one job for each key that the references in their keys lead to.",
  );
  return tables === "" ? "" : joined([tables, types]);
}

const types = `enum JobStatus {
  PENDING
  "A worker has it."
  RESERVED
  "Done, and kept."
  SUCCESS
  ERROR
  "Not to be done."
  IGNORE
}

"One key that a table should have, and what is becoming of it."
type Job {
  "As reserveJob answers it, it names the reservation too: only with such an id can a job be ended or kept."
  id: ID!
  table: JobTable!
  "Fields of the key by name: {\\"scanIdx\\": 2}."
  key: JSON!
  "The same for the input that creates the row: {...job.input, mean: 3.5}."
  input: JSON!
  status: JobStatus!
  "The lower, the sooner."
  priority: Int!
  createdTime: DateTime!
  "A pending job is due from then on."
  scheduledTime: DateTime!
  "When it was reserved, or the last heartbeat."
  reservedTime: DateTime
  "Null where it is not reserved, or by a worker of DataJoint, which has no lease."
  leaseUntil: DateTime
  completedTime: DateTime
  durationSeconds: Float
  errorMessage: String
  "Mostly text."
  errorStack: JSON
  user: String!
  host: String!
  pid: Int!
  version: String!
}

type JobEdge {
  cursor: String!
  node: Job!
}

type JobConnection {
  nodes: [Job!]!
  edges: [JobEdge!]!
  pageInfo: PageInfo!
  totalCount: Int!
}

"How far a table is."
type JobProgress {
  table: JobTable!
  pending: Int!
  reserved: Int!
  success: Int!
  error: Int!
  ignore: Int!
  "Keys that the references lead to."
  total: Int!
  "Of these, keys that have a row."
  done: Int!
  remaining: Int!
}

type RefreshJobsPayload {
  added: Int!
  removed: Int!
  "Made pending again."
  returned: Int!
}

type ReserveJobPayload {
  jobs: [Job!]!
}

type HeartbeatJobPayload {
  jobs: [Job!]!
  "Reservations that are over: what is computed for them cannot be written."
  lost: [ID!]!
}

type CompleteJobPayload {
  job: Job!
  "Rows of the table with this key."
  rows: Int!
}

type FailJobPayload {
  job: Job!
}

type ReleaseJobsPayload {
  jobs: [Job!]!
  "Reservations that were over already."
  lost: [ID!]!
}

type IgnoreJobsPayload {
  jobs: [Job!]!
}

type ResetJobsPayload {
  count: Int!
}
`;
