/** Removes rows whose time has come (`@table(expires:)`), table by table, in small batches. Bytes are never touched: that is the collector's. */

import { setTimeout as rest } from "node:timers/promises";
import type { Database } from "../db/contract.ts";
import { isServiceError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { type Expiry, expiriesOf, keepersOf } from "../sql/expiry.ts";
import { type Batch, expireBatch, type Place } from "./expire-batch.ts";
import { expireDoubt, type Surroundings, surroundingsOf } from "./expire-doubt.ts";
import { type ExpireRecord, openRecord } from "./expire-record.ts";

/** What expiring stands on. */
export interface ExpireContext {
  readonly db: Database;
  /** The one that is served. */
  model(): Model;
  /** Of Holdfast, for the record of the run. */
  readonly version: string;
}

/** What is asked of {@link expire}. */
export interface ExpireRequest {
  /** Who asks, for the audit. */
  readonly by: string;
  readonly signal?: AbortSignal | undefined;
}

/** What became of one entity's rows. */
export interface ExpiredEntity {
  readonly entity: string;
  /** Rows deleted by table; those of its parts and lists too. */
  readonly removed: Readonly<Record<string, number>>;
  /** Rows that stay although their time has come, by reason. */
  readonly kept: Readonly<Record<string, number>>;
  /** Why nothing of it was touched. */
  readonly doubt?: string;
}

/** What a run has done; entities without rows to tell of are absent. */
export interface ExpireReport {
  /** Of `holdfast.collector_run`; absent where there was nothing to tell that was not told before. */
  readonly run?: string;
  /** True where no row is kept, or the run before has told the same. */
  readonly isToldBefore: boolean;
  /** Rows of a later time were not looked at; UTC, by the clock of the database. */
  readonly until: string;
  readonly entities: readonly ExpiredEntity[];
}

/** Rows that one statement deletes, about, parts included. */
const wantedRows = 1000;
const mostRows = 1000;
const firstRows = 100;
/** Rows that refer to one another in a circle of entities may need more than one pass. */
const mostPasses = 10;
const longestRestMs = 250;

/**
 * One run over all entities with `expires`.
 * @throws what went wrong with a table, when the others are done; {DATABASE_UNAVAILABLE} and the signal's reason at once.
 */
export async function expire(context: ExpireContext, request: ExpireRequest): Promise<ExpireReport> {
  const { db } = context;
  const expiries = expiriesOf(context.model());
  const until = await currentTime(db);
  if (expiries.length === 0) return { until, entities: [], isToldBefore: true };
  const run: Run = {
    db,
    until,
    signal: request.signal,
    record: openRecord(context, request.by),
    told: new Map(),
  };
  const failures: unknown[] = [];
  try {
    for (let pass = 0; pass < mostPasses; pass++) {
      const { removed, kept } = await passOver(run, expiries, failures);
      if (removed === 0 || kept === 0 || failures.length > 0) break;
    }
  } catch (error) {
    failures.push(error);
  }
  const report = { until, entities: entitiesOf(run.told) };
  const closing = run.record.close(report, failures[0]);
  if (failures.length > 0) {
    // What went wrong first is worth more than that it could not be written down.
    await closing.catch(() => undefined);
    throw failures[0];
  }
  return { ...report, ...(await closing) };
}

interface Told {
  removed: Map<string, number>;
  kept: ReadonlyMap<string, number>;
  doubt?: string;
}

interface Run {
  readonly db: Database;
  readonly until: string;
  readonly signal: AbortSignal | undefined;
  readonly record: ExpireRecord;
  readonly told: Map<string, Told>;
}

async function currentTime(db: Database): Promise<string> {
  const { rows } = await db.query<{ now: string }>("SELECT (now() AT TIME ZONE 'UTC')::text AS now");
  return rows[0]?.now ?? "-infinity";
}

async function passOver(
  run: Run,
  expiries: readonly Expiry[],
  failures: unknown[],
): Promise<{ removed: number; kept: number }> {
  const surroundings = await surroundingsOf(run.db, expiries);
  let removed = 0;
  let kept = 0;
  for (const expiry of expiries) {
    try {
      const done = await expireEntity(run, expiry, surroundings);
      removed += done.removed;
      kept += done.kept;
    } catch (error) {
      if (run.signal?.aborted === true || isServiceError(error, "DATABASE_UNAVAILABLE")) throw error;
      failures.push(error);
    }
  }
  return { removed, kept };
}

async function expireEntity(
  run: Run,
  expiry: Expiry,
  surroundings: Surroundings,
): Promise<{ removed: number; kept: number }> {
  const told: Told = run.told.get(expiry.entity) ?? { removed: new Map(), kept: new Map() };
  run.told.set(expiry.entity, told);
  const doubt = expireDoubt(expiry, surroundings);
  if (doubt !== undefined) {
    told.doubt = doubt;
    return { removed: 0, kept: 0 };
  }
  const kept = new Map<string, number>();
  let removed = 0;
  let rows = firstRows;
  let behind: Place | undefined;
  do {
    run.signal?.throwIfAborted();
    const begin = performance.now();
    const batch: Batch = await expireBatch(run.db, {
      expiry,
      keepers: keepersOf(expiry, surroundings.keys),
      until: run.until,
      behind,
      rows,
      record: (transaction, counts) => run.record.add(transaction, expiry.entity, counts),
    });
    if (batch.removed.size > 0) run.record.settle();
    for (const [reason, count] of batch.kept) kept.set(reason, (kept.get(reason) ?? 0) + count);
    for (const [table, count] of batch.removed)
      told.removed.set(table, (told.removed.get(table) ?? 0) + count);
    const gone = sum(batch.removed);
    removed += gone;
    rows = nextRows(rows, gone);
    behind = batch.last;
    // As long as it took: others have the database for half of the time.
    if (gone > 0) await rest(Math.min(performance.now() - begin, longestRestMs));
  } while (behind !== undefined);
  told.kept = kept;
  return { removed, kept: sum(kept) };
}

/** Rows with many parts go a few at a time. */
function nextRows(rows: number, gone: number): number {
  if (gone === 0) return Math.min(rows * 2, mostRows);
  return Math.max(1, Math.min(Math.round((rows * wantedRows) / gone), rows * 4, mostRows));
}

function sum(counts: ReadonlyMap<string, number>): number {
  return counts.values().reduce((all, count) => all + count, 0);
}

function entitiesOf(told: ReadonlyMap<string, Told>): readonly ExpiredEntity[] {
  return [...told]
    .filter(([, { removed, kept, doubt }]) => removed.size + kept.size > 0 || doubt !== undefined)
    .map(([entity, { removed, kept, doubt }]) => ({
      entity,
      removed: Object.fromEntries(removed),
      kept: Object.fromEntries(kept),
      ...(doubt === undefined ? {} : { doubt }),
    }));
}
