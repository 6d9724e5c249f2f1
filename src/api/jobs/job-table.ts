/** The table of jobs as it is in the database: looked at before each use, made where it is first needed. */

import type { Queryable, Transaction } from "../../db/contract.ts";
import { sqlstateOf } from "../../db/sqlstate.ts";
import { ServiceError } from "../../errors.ts";
import type { Model } from "../../model/model.ts";
import { declareJobs, jobColumns, jobTableWanted, lockJobs, lookForJobs } from "../../sql/job/declare.ts";
import { jobTableName, serverZone } from "../../sql/job/row.ts";
import type { JobSubject } from "../../sql/job/subject.ts";

/** What a look at the database has found. */
export interface FoundJobs {
  readonly hasTable: boolean;
  /** Whether the enum of states is there. */
  readonly hasType: boolean;
  /** Hidden columns of the target that tell how a row was made. */
  readonly metadata: readonly string[];
}

const zones = new WeakMap<object, string>();

/** The time zone of the server's settings, asked for once for each pool `db`. */
export async function zoneOf(db: object, queryable: Queryable): Promise<string> {
  const known = zones.get(db);
  if (known !== undefined) return known;
  const { rows } = await queryable.query<{ zone: string }>(serverZone);
  const zone = rows[0]?.zone ?? "UTC";
  zones.set(db, zone);
  return zone;
}

interface Look {
  readonly columns: readonly string[];
  readonly key: readonly string[];
  readonly hasType: boolean;
  readonly metadata: readonly string[];
}

/** Looks at the table. @throws {SCHEMA_DRIFT} where it has not the columns and the key of the subject's table of jobs. */
export async function lookAtJobs(queryable: Queryable, subject: JobSubject): Promise<FoundJobs> {
  const { rows } = await queryable.query<Look>(lookForJobs(subject));
  const { columns = [], key = [], hasType = false, metadata = [] } = rows[0] ?? {};
  if (columns.length > 0) checkForm(subject, { columns, key });
  return { hasTable: columns.length > 0, hasType, metadata };
}

function checkForm(subject: JobSubject, { columns, key }: Pick<Look, "columns" | "key">): void {
  const own = subject.key.map(({ name }) => name);
  const missing = [...own, ...jobColumns].filter((name) => !columns.includes(name));
  const fault =
    missing.length > 0
      ? `has no column ${missing.join(", ")}`
      : own.toSorted().join() === key.toSorted().join()
        ? undefined
        : `has the key ${key.join(", ")}, and the references of ${subject.entity.name} lead to ${own.join(", ")}`;
  if (fault === undefined) return;
  const message = `The table ${jobTableName(subject)} ${fault}: it is not the table of jobs of ${subject.entity.name}.`;
  const remedy = "Rename or drop it; refreshJobs makes it anew.";
  throw new ServiceError("SCHEMA_DRIFT", message, { details: { remedy } });
}

/** Makes the table where it is not there, in the transaction. @throws {FORBIDDEN} where PostgreSQL does not let us. */
export async function makeJobTable(
  transaction: Transaction,
  model: Model,
  subject: JobSubject,
): Promise<void> {
  if ((await lookAtJobs(transaction, subject)).hasTable) return;
  await transaction.query(lockJobs(subject));
  // Somebody may have made it while we waited.
  const { hasTable, hasType } = await lookAtJobs(transaction, subject);
  if (hasTable) return;
  try {
    for (const statement of declareJobs(jobTableWanted(model, subject), { hasType }))
      await transaction.query(statement);
  } catch (error) {
    // DataJoint asks for no lock. Tried again, the request finds what it has made.
    if (!madeBySomebody.has(sqlstateOf(error) ?? "")) throw error;
    const message = `Somebody else is making ${jobTableName(subject)} at this moment.`;
    throw new ServiceError("CONFLICT", message, { cause: error });
  }
}

/** A unique of the catalog, a type, a table that is there by now. */
const madeBySomebody: ReadonlySet<string> = new Set(["23505", "42710", "42P07"]);
