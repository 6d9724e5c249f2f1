/** The end of a reservation: its rows are made, or an error is told. */

import type { Transaction } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
import { versionLength } from "../../sql/job/declare.ts";
import { dropDone, failJob, holdJob, markDone, tellMade } from "../../sql/job/queue.ts";
import type { ToldJob } from "../../sql/job/row.ts";
import type { WriteScope } from "../write/write-plan.ts";
import { errorMessage, seconds, text } from "./job-arguments.ts";
import { type JobName, parseReservation } from "./job-id.ts";
import { lookAtJobs, zoneOf } from "./job-table.ts";
import { jobValue, packedStack } from "./job-value.ts";
import { reservationRecord } from "./keep-jobs.ts";
import { requireAllRows } from "./subjects.ts";

/** A reservation that a field ends. */
interface Ending {
  readonly name: Required<JobName>;
  /** As `$2` of the statements has it. */
  readonly record: string;
  readonly scope: WriteScope;
}

type Work = (transaction: Transaction) => Promise<unknown>;

/** Plans the field. @throws {BAD_USER_INPUT} */
export async function planEnd(scope: WriteScope, kind: "completeJob" | "failJob"): Promise<Work> {
  const { services, request, field } = scope;
  const name = parseReservation(request.model, String(field.args["job"]), "job");
  requireAllRows(request.model, name.subject, services.rules?.of(request.context));
  const ending = { name, record: JSON.stringify([reservationRecord(name)]), scope };
  return kind === "completeJob" ? planComplete(ending) : planFail(ending);
}

function planComplete(ending: Ending): Work {
  const { name, record, scope } = ending;
  const { services, request, field } = scope;
  const { args } = field;
  const { subject, reservation } = name;
  const given = args["durationSeconds"] == null ? undefined : seconds(args, "durationSeconds");
  const version = args["version"] == null ? undefined : text(args, "version", versionLength);
  return async (transaction) => {
    const { hasTable, metadata } = await lookAtJobs(transaction, subject);
    if (!hasTable) throw lost(name);
    const zone = await zoneOf(services.db, transaction);
    const held = await transaction.query<{ version: string; now: string; elapsed: number }>(
      holdJob(subject),
      [zone, record, reservation.start / 1000],
    );
    const [job] = held.rows;
    if (job === undefined) throw lost(name);
    const values = [zone, record, given ?? job.elapsed, version ?? job.version];
    const made = await transaction.query<{ rows: number }>(tellMade(subject, metadata), values);
    const told =
      args["keep"] === true
        ? await one(transaction, markDone(request.model, subject), values)
        : await one(transaction, dropDone(request.model, subject), values.slice(0, 2));
    if (told === undefined) throw lost(name);
    return { job: await shown(ending, { ...told, ...done(job.now, values) }), rows: made.rows[0]?.rows ?? 0 };
  };
}

/** What a job says that is done, also where it has left the queue. */
function done(now: string, [, , duration, version]: readonly unknown[]) {
  const state = { status: "SUCCESS", completedTime: now, scheduledTime: now, leaseUntil: null };
  return { ...state, durationSeconds: Number(duration), version: String(version) };
}

async function planFail(ending: Ending): Promise<Work> {
  const { name, record, scope } = ending;
  const { services, request, field } = scope;
  const { subject } = name;
  const message = errorMessage(String(field.args["message"]));
  const { stack } = field.args;
  const packed = typeof stack === "string" ? await packedStack(services.codecs, stack) : null;
  return async (transaction) => {
    if (!(await lookAtJobs(transaction, subject)).hasTable) throw lost(name);
    const zone = await zoneOf(services.db, transaction);
    const told = await one(transaction, failJob(request.model, subject), [zone, record, message, packed]);
    if (told === undefined) throw lost(name);
    return { job: await shown(ending, told) };
  };
}

async function one(
  transaction: Transaction,
  statement: string,
  values: readonly unknown[],
): Promise<ToldJob | undefined> {
  const { rows } = await transaction.query<{ job: string }>(statement, values);
  // Written by jobJson.
  return rows[0] === undefined ? undefined : (JSON.parse(rows[0].job) as ToldJob);
}

/** The job without its reservation, which is over. */
function shown({ name, scope }: Ending, told: ToldJob): Promise<unknown> {
  const { services, request } = scope;
  const context = { model: request.model, codecs: services.codecs, objects: services.objects };
  return jobValue(context, { subject: name.subject, told }, { stack: true });
}

function lost({ subject, texts }: JobName): ServiceError {
  const key = subject.key.map(({ field }, at) => `${field} = ${texts[at] ?? ""}`).join(", ");
  const remedy = "Drop what was computed, and reserve another job. A heartbeat in time keeps a reservation.";
  return new ServiceError(
    "JOB_LOST",
    `The reservation of the job of ${subject.entity.name} with ${key} is over: its lease has ended and it was given to another worker, or it has ended already. Nothing was written. ${remedy}`,
    { details: { field: "job", remedy } },
  );
}
