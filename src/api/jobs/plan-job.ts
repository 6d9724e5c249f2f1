/** The mutation fields of jobs, each a part of the request's one transaction. */

import type { Transaction } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
import { lockJobs, versionLength } from "../../sql/job/declare.ts";
import { returnEnded, takeJobs } from "../../sql/job/queue.ts";
import {
  addJobs,
  ignoreJobs,
  removeVanished,
  resetJobs,
  returnOrphans,
  returnUndone,
} from "../../sql/job/refresh.ts";
import type { ToldJob } from "../../sql/job/row.ts";
import type { JobSubject } from "../../sql/job/subject.ts";
import type { JobWrite } from "../write/contract.ts";
import type { RowPlan, WriteScope } from "../write/write-plan.ts";
import { planEnd } from "./end-job.ts";
import { jobLimit, keyRecords, leaseSeconds, priority, seconds, text } from "./job-arguments.ts";
import { lookAtJobs, makeJobTable, zoneOf } from "./job-table.ts";
import { jobValue } from "./job-value.ts";
import { planKeep } from "./keep-jobs.ts";
import { requireAllRows, subjectNamed } from "./subjects.ts";

/** What a field does in the transaction. */
type Work = (transaction: Transaction) => Promise<unknown>;

/** Plans a field; arguments are checked before the transaction opens. @throws {BAD_USER_INPUT | LIMIT_EXCEEDED | FORBIDDEN} */
export async function planJob(scope: WriteScope, kind: JobWrite): Promise<RowPlan> {
  const work = await planned(scope, kind);
  return {
    kind: "rows",
    pending: [],
    run: async (transaction) => ({ kind: "plain", value: await work(transaction) }),
  };
}

async function planned(scope: WriteScope, kind: JobWrite): Promise<Work> {
  switch (kind) {
    case "refreshJobs":
      return planRefresh(scope);
    case "reserveJob":
      return planReserve(scope);
    case "ignoreJobs":
      return planIgnore(scope);
    case "resetJobs":
      return planReset(scope);
    case "heartbeatJob":
    case "releaseJobs":
      return planKeep(scope, kind);
    case "completeJob":
    case "failJob":
      return planEnd(scope, kind);
  }
}

/** The subject of a field with the argument `table`, and what showing its jobs stands on. */
function opened({ services, request, field }: WriteScope) {
  const { model, context } = request;
  const subject = subjectNamed(model, field.args["table"]);
  requireAllRows(model, subject, services.rules?.of(context));
  const { db, codecs, objects } = services;
  return { model, subject, db, args: field.args, show: { model, codecs, objects } };
}

function planRefresh(scope: WriteScope): Work {
  const { model, subject, db, args } = opened(scope);
  const urgency = priority(args, "priority");
  const delay = seconds(args, "delaySeconds");
  const stale = seconds(args, "staleSeconds");
  const orphan = args["orphanSeconds"] == null ? undefined : seconds(args, "orphanSeconds");
  return async (transaction) => {
    await transaction.query(lockJobs(subject));
    await makeJobTable(transaction, model, subject);
    const zone = await zoneOf(db, transaction);
    const count = async (statement: string, ...values: readonly unknown[]) =>
      (await transaction.query(statement, [zone, ...values])).rowCount;
    const added = await count(addJobs(model, subject), urgency, delay);
    const undone = await count(returnUndone(model, subject));
    const removed = await count(removeVanished(model, subject), stale);
    const ended = await count(returnEnded(subject));
    const orphans = orphan === undefined ? 0 : await count(returnOrphans(subject), orphan);
    return { added, removed, returned: undone + ended + orphans };
  };
}

function planReserve(scope: WriteScope): Work {
  const { model, subject, db, args, show } = opened(scope);
  const limit = jobLimit(args);
  const settings = [
    leaseSeconds(args),
    userOf(scope),
    text(args, "host", 255),
    args["pid"],
    text(args, "version", versionLength),
    args["maxPriority"] ?? null,
  ];
  const statement = takeJobs(model, subject);
  return async (transaction) => {
    const { hasTable } = await lookAtJobs(transaction, subject);
    if (!hasTable) return { jobs: [] };
    const zone = await zoneOf(db, transaction);
    await transaction.query(returnEnded(subject), [zone]);
    const taken: ToldJob[] = [];
    for (let gone = 1; gone > 0 && taken.length < limit; ) {
      const left = limit - taken.length;
      const { rows } = await transaction.query<{ gone: number; jobs: string }>(statement, [
        zone,
        left,
        ...settings,
      ]);
      gone = rows[0]?.gone ?? 0;
      // Written by jobJson.
      taken.push(...(JSON.parse(rows[0]?.jobs ?? "[]") as ToldJob[]));
    }
    const jobs = taken.map((told) => jobValue(show, { subject, told }, { reserved: true }));
    return { jobs: await Promise.all(jobs) };
  };
}

function userOf({ request }: WriteScope): string {
  return request.context.principal.name.slice(0, 255);
}

function planIgnore(scope: WriteScope): Work {
  const { model, subject, db, args, show } = opened(scope);
  const keys = keyRecords(subject, args["keys"], model.enum);
  const statement = ignoreJobs(model, subject);
  return async (transaction) => {
    await makeJobTable(transaction, model, subject);
    const zone = await zoneOf(db, transaction);
    const values = [zone, JSON.stringify(keys), usualPriority];
    const { rows } = await transaction.query<{ job: string }>(statement, values);
    return {
      jobs: await Promise.all(rows.map(({ job }) => jobValue(show, { subject, told: toldJob(job) }))),
    };
  };
}

/** DataJoint's, where nobody gives one. */
const usualPriority = 5;

/** Written by jobJson. */
function toldJob(text: string): ToldJob {
  return JSON.parse(text) as ToldJob;
}

const resettable: ReadonlySet<unknown> = new Set(["ERROR", "IGNORE", "SUCCESS"]);

function planReset(scope: WriteScope): Work {
  const { model, subject, db, args } = opened(scope);
  const status = Array.isArray(args["status"]) ? args["status"] : [];
  const wrong = status.find((one) => !resettable.has(one));
  if (wrong !== undefined) throw notReset(subject, wrong);
  const keys = args["keys"] == null ? null : JSON.stringify(keyRecords(subject, args["keys"], model.enum));
  const states = status.map((one) => String(one).toLowerCase());
  return async (transaction) => {
    if (!(await lookAtJobs(transaction, subject)).hasTable) return { count: 0 };
    const zone = await zoneOf(db, transaction);
    return { count: (await transaction.query(resetJobs(subject), [zone, keys, states])).rowCount };
  };
}

function notReset({ entity }: JobSubject, status: unknown): ServiceError {
  const remedy =
    "Give ERROR, IGNORE or SUCCESS. What a worker holds ends with its lease, or by refreshJobs(orphanSeconds).";
  return new ServiceError(
    "BAD_USER_INPUT",
    `status: ${String(status)} jobs of ${entity.name} cannot be reset. ${remedy}`,
    {
      details: { field: "status", value: status, remedy },
    },
  );
}
