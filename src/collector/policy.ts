/** How each store is collected: read, set, confirmed. Every change is audited by the transaction that makes it. */

import type { Queryable, Transaction } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { CollectionMode, Doubt, StorePolicy } from "./contract.ts";

/** A policy, and the version of Holdfast that somebody has confirmed for the store. */
export interface PolicyRow extends StorePolicy {
  readonly confirmedVersion: string | null;
}

const columns = `name AS store, gc AS mode, extract(epoch FROM grace)::float8 AS "graceSeconds",
  extract(epoch FROM keep)::float8 AS "keepSeconds", extract(epoch FROM drain)::float8 AS "drainSeconds"`;

/** Of the named stores that the database knows, in order of their names. */
export async function readPolicies(db: Queryable, stores: readonly string[]): Promise<readonly PolicyRow[]> {
  const { rows } = await db.query<PolicyRow>(
    `SELECT ${columns}, confirmed_version AS "confirmedVersion" FROM holdfast.store WHERE name = ANY ($1::text[]) ORDER BY name`,
    [stores],
  );
  return rows;
}

/** Of the configured stores. */
export async function policies({ db, stores }: CollectorContext): Promise<readonly StorePolicy[]> {
  const rows = await readPolicies(db, [...stores.all.keys()]);
  return rows.map(({ confirmedVersion: _, ...policy }) => policy);
}

const modes: readonly CollectionMode[] = ["off", "report", "on", "restore"];
/** 100 years: beyond what anybody waits for, and within what PostgreSQL can take from a date. */
const longestSeconds = 100 * 366 * 86_400;

/**
 * Sets what is given, and answers the whole.
 * @throws {STORE_UNKNOWN}, {BAD_USER_INPUT} for a time or mode that is none.
 */
export async function setPolicy(
  { db, stores, version }: CollectorContext,
  policy: Partial<StorePolicy> & { readonly store: string },
  by: string,
): Promise<StorePolicy> {
  stores.get(policy.store);
  check(policy);
  return await db.transaction(async (transaction) => {
    const before = await onePolicy(transaction, policy.store, "FOR UPDATE");
    if (before.mode === "restore" && policy.mode === "on") await requireChecked(transaction, policy.store);
    const after = { ...before, ...given(policy) };
    await transaction.query(
      `UPDATE holdfast.store SET gc = $2, grace = make_interval(secs => $3), keep = make_interval(secs => $4),
         drain = make_interval(secs => $5) WHERE name = $1`,
      [after.store, after.mode, after.graceSeconds, after.keepSeconds, after.drainSeconds],
    );
    const { rows } = await transaction.query<{ id: string }>(
      `INSERT INTO holdfast.collector_run (kind, state, applied, by, version, ended_at, report)
       VALUES ('POLICY', 'DONE', true, $1, $2, clock_timestamp(), $3::jsonb) RETURNING id::text`,
      [by, version, JSON.stringify({ before, after })],
    );
    await auditPolicy(transaction, { id: rows[0]?.id ?? null, by }, { before, after });
    return await onePolicy(transaction, policy.store);
  });
}

/** Deleting in a store that nobody has looked through since the database was set back could lose what rows need. */
async function requireChecked(transaction: Transaction, store: string): Promise<void> {
  const { rows } = await transaction.query(
    "SELECT FROM holdfast.store WHERE name = $1 AND restore_checked_at IS NOT NULL",
    [store],
  );
  if (rows.length > 0) return;
  throw new ServiceError(
    "CONFLICT",
    `The store ${store} is in mode restore, and has not been checked since the database was set back.`,
    { details: { field: "mode", value: "on", remedy: `Run holdfast fsck --apply --store ${store} first.` } },
  );
}

function given(policy: Partial<StorePolicy>): Partial<StorePolicy> {
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
}

function check(policy: Partial<StorePolicy>): void {
  if (policy.mode !== undefined && !modes.includes(policy.mode)) {
    throw refused("mode", policy.mode, `Write one of ${modes.join(", ")}.`);
  }
  for (const field of ["graceSeconds", "keepSeconds", "drainSeconds"] as const) {
    const seconds = policy[field];
    if (seconds === undefined || (seconds >= 0 && seconds <= longestSeconds)) continue;
    throw refused(field, seconds, `Write seconds from 0 to ${longestSeconds}.`);
  }
  checkDrain(policy);
}

/** A claim lasts five minutes, and a request that was sent at its end may take a while more; then clocks differ. */
const shortestDrainSeconds = 600;

function checkDrain({ drainSeconds }: Partial<StorePolicy>): void {
  if (drainSeconds === undefined || drainSeconds >= shortestDrainSeconds) return;
  throw refused(
    "drainSeconds",
    drainSeconds,
    `Write ${shortestDrainSeconds} at least: until then a deletion that was sent may still reach the store.`,
  );
}

function refused(field: string, value: unknown, remedy: string): ServiceError {
  const message = `${field} must not be ${JSON.stringify(value)}. ${remedy}`;
  return new ServiceError("BAD_USER_INPUT", message, { details: { field, value, remedy } });
}

async function onePolicy(transaction: Transaction, store: string, lock = ""): Promise<StorePolicy> {
  const { rows } = await transaction.query<StorePolicy>(
    `SELECT ${columns} FROM holdfast.store WHERE name = $1 ${lock}`,
    [store],
  );
  const [row] = rows;
  if (row !== undefined) return row;
  throw new ServiceError("STORE_UNKNOWN", `The database does not know the store ${JSON.stringify(store)}.`, {
    details: { field: "store", value: store, remedy: "Restart the service, which registers its stores." },
  });
}

/** Switches the store from `report` to `on`, and confirms this version; a store that is off or in restore stays as it is. */
export async function confirmStore(
  { db, version }: CollectorContext,
  run: Run,
  store: string,
): Promise<PolicyRow | undefined> {
  await db.transaction(async (transaction) => {
    const before = await transaction.query<{ mode: string; confirmed: string | null }>(
      "SELECT gc AS mode, confirmed_version AS confirmed FROM holdfast.store WHERE name = $1 AND gc IN ('report', 'on') FOR UPDATE",
      [store],
    );
    const [row] = before.rows;
    if (row === undefined || (row.mode === "on" && row.confirmed === version)) return;
    await transaction.query("UPDATE holdfast.store SET gc = 'on', confirmed_version = $2 WHERE name = $1", [
      store,
      version,
    ]);
    await auditPolicy(transaction, run, { store, before: row, after: { mode: "on", confirmed: version } });
  });
  return (await readPolicies(db, [store]))[0];
}

/** Asked by every transaction that deletes: somebody may have changed the mode since the run began. */
export async function stillOn(queryable: Queryable, store: string): Promise<readonly Doubt[]> {
  const { rows } = await queryable.query<{ mode: CollectionMode }>(
    "SELECT gc AS mode FROM holdfast.store WHERE name = $1",
    [store],
  );
  return modeDoubts(store, rows[0]?.mode ?? "off");
}

/** Nothing where the store may be collected. */
export function modeDoubts(store: string, mode: CollectionMode): readonly Doubt[] {
  const tell = {
    off: ["nothing in it is collected", `Set its mode to report or on.`],
    report: ["it is only reported", "Read the report, then run holdfast gc --apply --confirm."],
    restore: [
      "the database was set back to an earlier moment",
      "Run holdfast fsck --apply for the store, then set its mode to on.",
    ],
    on: undefined,
  }[mode];
  if (tell === undefined) return [];
  const [message, remedy = ""] = tell;
  return [
    {
      code: "MODE",
      store,
      subject: store,
      message: `The store ${store} is in mode ${mode}: ${message}.`,
      remedy,
    },
  ];
}

/** Nothing where somebody has confirmed `version`. */
export function versionDoubts({ store, confirmedVersion }: PolicyRow, version: string): readonly Doubt[] {
  if (confirmedVersion === version) return [];
  const before = confirmedVersion === null ? "no version" : `version ${confirmedVersion}`;
  return [
    {
      code: "UNCONFIRMED",
      store,
      subject: store,
      message: `Nobody has confirmed collecting in the store ${store} with version ${version}; ${before} is confirmed.`,
      remedy: "Read the report, then run holdfast gc --apply --confirm.",
    },
  ];
}

async function auditPolicy(
  transaction: Transaction,
  { id, by }: { readonly id: string | null; readonly by: string },
  details: unknown,
): Promise<void> {
  await transaction.query(
    "INSERT INTO holdfast.audit (run, by, step, details) VALUES ($1::bigint, $2, 'policy', $3::jsonb)",
    [id, by, JSON.stringify(details)],
  );
}
