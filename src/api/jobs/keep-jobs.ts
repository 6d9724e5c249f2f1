/** Heartbeats, and reservations that are given back. */

import type { Transaction } from "../../db/contract.ts";
import { keepJobs, releaseJobs } from "../../sql/job/queue.ts";
import type { ToldJob } from "../../sql/job/row.ts";
import type { WriteScope } from "../write/write-plan.ts";
import { ids, leaseSeconds } from "./job-arguments.ts";
import { type JobName, parseReservation } from "./job-id.ts";
import { lookAtJobs, zoneOf } from "./job-table.ts";
import { jobValue } from "./job-value.ts";
import { requireAllRows } from "./subjects.ts";

interface Named extends Required<JobName> {
  readonly id: string;
}

/** Plans the field. @throws {BAD_USER_INPUT | LIMIT_EXCEEDED} */
export function planKeep(
  scope: WriteScope,
  kind: "heartbeatJob" | "releaseJobs",
): (transaction: Transaction) => Promise<unknown> {
  const { services, request, field } = scope;
  const { model } = request;
  const more = kind === "heartbeatJob" ? [leaseSeconds(field.args)] : [];
  const named = ids(field.args).map((id): Named => ({ id, ...parseReservation(model, id, "jobs") }));
  const rules = services.rules?.of(request.context);
  const groups = [...Map.groupBy(named, ({ subject }) => subject)];
  for (const [subject] of groups) requireAllRows(model, subject, rules);
  const show = { model, codecs: services.codecs, objects: services.objects };
  return async (transaction) => {
    const zone = await zoneOf(services.db, transaction);
    const jobs: unknown[] = [];
    const lost: string[] = [];
    for (const [subject, group] of groups) {
      const { hasTable } = await lookAtJobs(transaction, subject);
      const statement = (kind === "heartbeatJob" ? keepJobs : releaseJobs)(model, subject);
      const values = [zone, JSON.stringify(group.map(reservationRecord)), ...more];
      const found = hasTable ? await transaction.query<{ job: string }>(statement, values) : { rows: [] };
      // Written by jobJson.
      const told = new Map(
        found.rows.map(({ job }) => JSON.parse(job) as ToldJob).map((one) => [keyOf(one), one]),
      );
      for (const { id, texts } of group) {
        const one = told.get(keyOf({ texts }));
        if (one === undefined) lost.push(id);
        else
          jobs.push({
            ...(await jobValue(show, { subject, told: one })),
            ...(kind === "heartbeatJob" ? { id } : {}),
          });
      }
    }
    return { jobs, lost };
  };
}

function keyOf({ texts }: Pick<JobName, "texts">): string {
  return JSON.stringify(texts);
}

/** A reservation as a record of its table. */
export function reservationRecord({ subject, texts, reservation }: Required<JobName>): object {
  const cells = subject.key.map(({ name }, at) => [name, texts[at]] as const);
  return { ...Object.fromEntries(cells), connection_id: reservation.token };
}
