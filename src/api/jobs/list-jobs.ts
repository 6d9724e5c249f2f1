/** A page of jobs. */

import type { CodecRegistry } from "../../codec/registry.ts";
import type { Queryable } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
import type { Model } from "../../model/model.ts";
import type { ObjectReaderFactory } from "../../object/contract.ts";
import { countJobs, listJobs } from "../../sql/job/read.ts";
import type { ToldJob } from "../../sql/job/row.ts";
import type { JobSubject } from "../../sql/job/subject.ts";
import { count } from "../../sql/select-page.ts";
import { type ApiLimits, beyondLimit } from "../limits.ts";
import { isKeyText } from "../node-id.ts";
import { lookAtJobs, zoneOf } from "./job-table.ts";
import { jobValue } from "./job-value.ts";

interface ListContext {
  readonly model: Model;
  readonly registry: CodecRegistry;
  readonly objects: { readonly reader: ObjectReaderFactory };
  readonly limits: ApiLimits;
  /** Whose zone is asked for once. */
  readonly db: Queryable;
  /** What the statements run on. */
  readonly queryable: Queryable;
}

interface Wanted {
  readonly subject: JobSubject;
  readonly args: Readonly<Record<string, unknown>>;
  /** Whether a field of that name is selected. */
  readonly asks: (name: string) => boolean;
}

/** The value of type JobConnection. @throws {BAD_USER_INPUT | LIMIT_EXCEEDED} naming the argument. */
export async function listPage(context: ListContext, { subject, args, asks }: Wanted): Promise<unknown> {
  const { model, limits, db, queryable, registry: codecs, objects } = context;
  const size = pageSize(args["first"], limits);
  const states = Array.isArray(args["status"])
    ? args["status"].map((one) => String(one).toLowerCase())
    : null;
  const after = args["after"] == null ? null : JSON.stringify(behind(subject, String(args["after"])));
  const { hasTable } = await lookAtJobs(queryable, subject);
  if (!hasTable) return connection([], { more: false, after, totalCount: 0 });
  const zone = await zoneOf(db, queryable);
  const values = [zone, states, size + 1, after];
  const { rows } = await queryable.query<{ job: string }>(listJobs(model, subject), values);
  // Written by jobJson.
  const told = rows.slice(0, size).map(({ job }) => JSON.parse(job) as ToldJob);
  const stack = asks("errorStack");
  const show = { model, codecs, objects, inlineLimitBytes: limits.inlineLimitBytes };
  const edges: unknown[] = [];
  for (const one of told) {
    const node = await jobValue(show, { subject, told: one }, { stack });
    edges.push({ cursor: cursorOf(subject, one), node });
  }
  const totalCount = asks("totalCount") ? await total(queryable, subject, states) : 0;
  return connection(edges, { more: rows.length > size, after, totalCount });
}

async function total(
  queryable: Queryable,
  subject: JobSubject,
  states: readonly string[] | null,
): Promise<number> {
  const { rows } = await queryable.query<{ count: number }>(countJobs(subject), [states]);
  return rows[0]?.count ?? 0;
}

function pageSize(given: unknown, limits: ApiLimits): number {
  const size = count("first", given) ?? Math.min(limits.defaultPageSize, limits.maxPageSize);
  if (size > limits.maxPageSize)
    throw beyondLimit(`first: ${size} jobs`, "maxPageSize", limits, { field: "first" });
  return size;
}

function connection(
  edges: readonly unknown[],
  { more, after, totalCount }: { more: boolean; after: string | null; totalCount: number },
): unknown {
  // Made above.
  const made = edges as readonly { readonly cursor: string; readonly node: unknown }[];
  const pageInfo = {
    hasNextPage: more,
    hasPreviousPage: after !== null,
    startCursor: made[0]?.cursor ?? null,
    endCursor: made.at(-1)?.cursor ?? null,
  };
  return { edges, nodes: made.map(({ node }) => node), pageInfo, totalCount };
}

const mark = "~jobs";

function cursorOf({ entity }: JobSubject, { priority, due, texts }: ToldJob): string {
  return Buffer.from(JSON.stringify([mark, entity.name, priority, due, ...texts])).toString("base64");
}

/** The place of a cursor as a record of the table. @throws {BAD_USER_INPUT} */
function behind(subject: JobSubject, cursor: string): object {
  const [first, name, priority, due, ...texts] = decoded(cursor);
  const fits =
    first === mark &&
    name === subject.entity.name &&
    typeof priority === "number" &&
    Number.isInteger(priority) &&
    Math.abs(priority) <= 32_768 &&
    typeof due === "string" &&
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})?$/.test(due) &&
    texts.length === subject.key.length &&
    subject.key.every((column, at) => typeof texts[at] === "string" && isKeyText(column, String(texts[at])));
  if (!fits) {
    const message = "after is no cursor of these jobs; give a cursor as this list answered it.";
    throw new ServiceError("BAD_USER_INPUT", message, { details: { field: "after" } });
  }
  const cells = subject.key.map((column, at) => [column.name, texts[at]]);
  return { ...Object.fromEntries(cells), priority, scheduled_time: due };
}

function decoded(cursor: string): readonly unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64").toString("utf8"));
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}
