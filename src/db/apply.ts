/** The model brought to the database: what would change, the change itself, and how far the two are apart. */

import { setTimeout as sleep } from "node:timers/promises";
import { ServiceError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import type { Catalog } from "../sql/catalog.ts";
import { type Change, ordered } from "../sql/change.ts";
import { compare, planTables } from "../sql/diff.ts";
import { type DriftItem, driftItems } from "../sql/drift.ts";
import { madeAfter } from "../sql/made.ts";
import { wantedTables } from "../sql/table.ts";
import type { WantedTable } from "../sql/wanted.ts";
import { readCatalog } from "./catalog.ts";
import { changeFailed, destructionRefused, plannedRefused } from "./change-error.ts";
import type { Database, Queryable, Transaction } from "./contract.ts";
import { readMade, writeMade } from "./made.ts";
import { sqlstateOf } from "./sqlstate.ts";

/** The way from the database to the model. */
export interface SchemaPlan {
  /** In the order they run; none where there is nothing to do. Refused ones come first. */
  readonly changes: readonly Change[];
  /** Those that remove data. */
  readonly destructive: readonly Change[];
  /** Those that cannot be made, each with its `refusal`. */
  readonly refused: readonly Change[];
}

/** What `applyModel` may do. */
export interface ApplyOptions {
  readonly allowDestructive?: boolean;
  /** How long to wait for locks that others hold, all tries together. */
  readonly patienceMs?: number;
}

/** What would be changed, and what stands in the way. Changes nothing. */
export async function planModel(db: Queryable, model: Model): Promise<SchemaPlan> {
  const tables = wantedTables(model);
  return planOf(db, tables, await catalogFor(db, tables, model.schema), model.schema);
}

/** Whether an apply of this schema file has ever made or taken over anything; where none has, the tables are somebody else's. */
export async function isApplied(db: Queryable, model: Model): Promise<boolean> {
  return (await readMade(db)).some(({ owner }) => owner === model.schema);
}

/** How the database differs from the model; differences are data here, never errors. */
export async function driftOf(db: Queryable, model: Model): Promise<readonly DriftItem[]> {
  const tables = wantedTables(model);
  return driftItems(tables, await catalogFor(db, tables, model.schema), model.schema);
}

/**
 * Makes the tables what the model wants, in one transaction; applies of several processes follow one another.
 * @throws {DESTRUCTIVE_CHANGE} when data would go and `allowDestructive` is not set, {CONSTRAINT_VIOLATION} when rows or foreign
 * tables stand in the way, {CONFLICT} when the locks could not be had in time. Nothing is changed then.
 */
export async function applyModel(
  db: Database,
  model: Model,
  options: ApplyOptions = {},
): Promise<SchemaPlan> {
  return withPatience(db, options.patienceMs ?? 60_000, (transaction) =>
    applyOnce(transaction, model, options),
  );
}

/** A transaction that changes tables in use: tried again and again while others have locks that it needs. */
export async function withPatience<T>(
  db: Database,
  patienceMs: number,
  work: (transaction: Transaction) => Promise<T>,
  limits: { readonly lockTimeoutMs: number; readonly statementTimeoutMs?: number } = { lockTimeoutMs: 2000 },
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (let attempt = 0; ; attempt++) {
    try {
      return await db.transaction(work, limits);
    } catch (error) {
      // Locks on busy tables are asked for briefly, so that their users are not made to wait behind us, but often.
      const busy = ["55P03", "40P01", "55006"].includes(sqlstateOf(error) ?? "");
      if (!busy || Date.now() >= deadline) throw error;
      await sleep(Math.min(50 * 2 ** attempt, 1000) * (0.5 + Math.random()));
    }
  }
}

/** The same within a transaction of the caller's. */
export async function applyOnce(
  transaction: Queryable,
  model: Model,
  options: ApplyOptions,
): Promise<SchemaPlan> {
  await takeTurn(transaction);
  const tables = wantedTables(model);
  const catalog = await catalogFor(transaction, tables, model.schema);
  const plan = await planOf(transaction, tables, catalog, model.schema);
  if (plan.refused.length > 0) throw plannedRefused(plan.refused);
  if (plan.destructive.length > 0 && options.allowDestructive !== true)
    throw destructionRefused(plan.destructive);
  for (const change of plan.changes) await run(transaction, change);
  const made = madeAfter(compare(tables, catalog, model.schema).difference);
  const before = catalog.made.filter((record) => record.owner === model.schema);
  if (!sameRecords(before, made)) await writeMade(transaction, model.schema, made);
  return plan;
}

/** One change of tables at a time, and the settings that its statements are written for. */
export async function takeTurn(transaction: Queryable): Promise<void> {
  const ready = await transaction.query<{ ready: boolean }>(
    "SELECT to_regclass('holdfast.applied_table') IS NOT NULL AS ready",
  );
  if (ready.rows[0]?.ready !== true) {
    throw new ServiceError("DATABASE_INCOMPATIBLE", "The database has no schema holdfast of this version.", {
      details: { remedy: "Run the migrations first: holdfast start does." },
    });
  }
  await transaction.query("SET LOCAL search_path = pg_catalog");
  await transaction.query("SET LOCAL standard_conforming_strings = on");
  await transaction.query("SET LOCAL client_min_messages = warning");
  await transaction.query("SELECT pg_advisory_xact_lock(hashtextextended('holdfast.apply', 0))");
}

async function run(transaction: Queryable, change: Change): Promise<void> {
  if (change.sql === "") return;
  try {
    await transaction.query(change.sql);
  } catch (error) {
    throw changeFailed(change, error);
  }
}

function sameRecords(a: readonly object[], b: readonly object[]): boolean {
  const text = (records: readonly object[]): string =>
    JSON.stringify(
      records
        .map((record) => JSON.stringify(Object.entries(record).toSorted(([x], [y]) => (x < y ? -1 : 1))))
        .toSorted(),
    );
  return text(a) === text(b);
}

/** What is there of the tables, and of those that applies of the same file have made. */
export async function catalogFor(
  db: Queryable,
  tables: readonly WantedTable[],
  owner: string,
): Promise<Catalog> {
  const made = (await readMade(db)).filter((record) => record.owner === owner);
  return readCatalog(db, [...tables.map((table) => table.schema), ...made.map((record) => record.schema)]);
}

async function planOf(
  db: Queryable,
  tables: readonly WantedTable[],
  catalog: Catalog,
  owner: string,
): Promise<SchemaPlan> {
  const changes: Change[] = [];
  for (const change of planTables(tables, catalog, owner)) changes.push(await checked(db, change));
  return {
    changes: ordered(changes),
    destructive: changes.filter((change) => change.destructive),
    refused: changes.filter((change) => change.refusal !== undefined),
  };
}

/** The change, refused where its check finds a row. */
async function checked(db: Queryable, change: Change): Promise<Change> {
  if (change.check === undefined) return change;
  const { sql, message, remedy } = change.check;
  const found = await db.query(sql);
  return found.rows.length === 0 ? change : { ...change, refusal: { message, remedy } };
}
