/**
 * Adoption taken back: everything that adopt and apply have added beside the tables of some schemas goes, and they are to the byte what they were. Objects
 * and their bytes stay; the collector stops, since rows refer to them that nothing guards any more.
 */

import type { Database, Queryable } from "../db/contract.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import { identifier } from "../sql/quote.ts";
import type { ApplyOptions, Obstacle } from "./contract.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { inStep, type Steps } from "./steps.ts";
import { type Added, findAdded, obstaclesTo, type UndoneTable } from "./undo-found.ts";

/** What an undo has found, and done. */
export interface UndoReport {
  readonly applied: boolean;
  readonly schemas: readonly string[];
  readonly tables: readonly UndoneTable[];
  /** Tables of holds that go, each with its number of holds. */
  readonly holds: readonly { readonly schema: string; readonly count: string }[];
  /** Stores that have objects of these schemas: collecting them has to be confirmed anew. */
  readonly stores: readonly string[];
  /** With any of these nothing is undone. */
  readonly obstacles: readonly Obstacle[];
  /** Tables that could not be had, each with the reason. */
  readonly failed: readonly Obstacle[];
}

/** What would go. Changes nothing. */
export async function planUndo(db: Queryable, schemas: readonly string[]): Promise<UndoReport> {
  const added = await findAdded(db, schemas);
  return { ...reportOf(added, schemas), applied: false, failed: [] };
}

/**
 * Takes it back, one table after the other, each in a short transaction; what could not be had is told, and the next run goes on.
 * @throws {CONFLICT} where something is in the way; nothing was changed then.
 */
export async function undo(db: Database, options: ApplyOptions): Promise<UndoReport> {
  return oneAtATime(db, () => undoAll(db, options));
}

async function undoAll(db: Database, options: ApplyOptions): Promise<UndoReport> {
  const { schemas } = options;
  const added = await findAdded(db, schemas);
  const report = reportOf(added, schemas);
  if (report.obstacles.length > 0) throw refused(report.obstacles);
  const steps: Steps = { db, options };
  const failed: Obstacle[] = [];
  const attempt = async (subject: string, work: () => Promise<unknown>): Promise<void> => {
    await options.faults("adopt.before-step");
    options.onStep(`${subject}: undoing`);
    try {
      await work();
    } catch (error) {
      options.signal.throwIfAborted();
      if (!isServiceError(error) || error.code === "DATABASE_UNAVAILABLE") throw error;
      failed.push({ subject, message: error.message, remedy: error.details.remedy ?? "Run it again." });
    }
  };
  // Before anything goes: nobody may collect by what somebody confirmed of tables that were guarded.
  if (added.stores.length > 0) await attempt("stores", () => unconfirm(steps, added.stores));
  for (const table of report.tables)
    await attempt(`${table.schema}.${table.table}`, () => undoTable(steps, table));
  if (failed.length === 0) {
    for (const { schema } of report.holds) await attempt(`${schema}.~object`, () => dropHolds(steps, schema));
    await attempt("records", () => forget(steps, schemas));
  }
  return { ...report, applied: true, failed };
}

function reportOf(added: Added, schemas: readonly string[]): Omit<UndoReport, "applied" | "failed"> {
  const { tables, holds, stores } = added;
  return { schemas, tables, holds, stores, obstacles: obstaclesTo(added) };
}

function refused(obstacles: readonly Obstacle[]): ServiceError {
  const lines = obstacles.map(({ subject, message }) => `${subject}: ${message}`);
  return new ServiceError("CONFLICT", `Nothing was undone.\n${lines.join("\n")}`, {
    details: { problems: obstacles, remedy: obstacles[0]?.remedy ?? "" },
  });
}

function unconfirm(steps: Steps, stores: readonly string[]): Promise<unknown> {
  return inStep(steps, (transaction) =>
    transaction.query("UPDATE holdfast.store SET confirmed_version = NULL WHERE name = ANY ($1::text[])", [
      stores,
    ]),
  );
}

function undoTable(
  steps: Steps,
  { schema, table, triggers, columns, checks }: UndoneTable,
): Promise<unknown> {
  const name = `${identifier(schema)}.${identifier(table)}`;
  const actions = [
    ...columns.map((column) => `DROP COLUMN ${identifier(column)}`),
    ...checks.map((check) => `DROP CONSTRAINT ${identifier(check)}`),
  ];
  return inStep(steps, async (transaction) => {
    // At once: a lock that grows ends in deadlocks with readers who write.
    await transaction.query(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
    for (const trigger of triggers)
      await transaction.query(`DROP TRIGGER IF EXISTS ${identifier(trigger)} ON ${name}`);
    if (actions.length > 0) await transaction.query(`ALTER TABLE ${name} ${actions.join(", ")}`);
  });
}

function dropHolds(steps: Steps, schema: string): Promise<unknown> {
  return inStep(steps, (transaction) =>
    transaction.query(`DROP TABLE IF EXISTS ${identifier(schema)}."~object"`),
  );
}

/** The record of applies that have only added to others' tables, and functions that no trigger calls any more. */
function forget(steps: Steps, schemas: readonly string[]): Promise<unknown> {
  return inStep(steps, async (transaction) => {
    await transaction.query("DELETE FROM holdfast.applied_table WHERE schema_name = ANY ($1::text[])", [
      schemas,
    ]);
    const { rows } = await transaction.query<{ name: string }>(
      `SELECT format('%s()', p.oid::regproc) AS name FROM pg_proc p WHERE p.pronamespace = 'holdfast'::regnamespace AND p.proname ~ '^touch_[0-9a-f]{32}$'
         AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid)`,
    );
    for (const { name } of rows) await transaction.query(`DROP FUNCTION IF EXISTS ${name}`);
  });
}
