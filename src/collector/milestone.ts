/**
 * How far the collector has come in a store, written into the store before it takes bytes away. A database that does not know it was set back
 * without a new course: from a copy of its files, a snapshot of its machine, or a dump. What it names may be hidden by now.
 */

import type { Store } from "../store/contract.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Doubt } from "./contract.ts";

const folder = "_obj/runs/";

/** Compares the store with the database. A store that knows more goes to mode `restore`, unless it is off, and is doubted. */
export async function milestoneDoubts(
  { db }: CollectorContext,
  run: Run,
  { config: { name }, driver }: Store,
): Promise<readonly Doubt[]> {
  const milestones = await milestonesOf(driver, run.signal);
  if (milestones.length === 0) return [];
  return await db.transaction(async (transaction) => {
    // Asked after the store: whoever wrote a milestone had its run on record before.
    const { rows } = await transaction.query<{ id: string }>(
      `SELECT m.id::text FROM unnest($1::bigint[], $2::uuid[]) AS m (id, nonce)
       WHERE NOT EXISTS (SELECT FROM holdfast.collector_run r WHERE r.id = m.id AND r.nonce = m.nonce) ORDER BY m.id LIMIT 1`,
      [milestones.map(({ run: id }) => id), milestones.map(({ nonce }) => nonce)],
    );
    const [unknown] = rows;
    if (unknown === undefined) return [];
    const changed = await transaction.query<{ mode: string }>(
      `UPDATE holdfast.store s SET gc = 'restore'
       FROM (SELECT name, gc FROM holdfast.store WHERE name = $1 AND gc NOT IN ('off', 'restore') FOR UPDATE) old
       WHERE s.name = old.name RETURNING old.gc AS mode`,
      [name],
    );
    if (changed.rowCount > 0) {
      const details = { store: name, unknownRun: unknown.id, before: changed.rows[0]?.mode };
      await transaction.query(
        "INSERT INTO holdfast.audit (run, by, step, details) VALUES ($1::bigint, $2, 'milestone', $3::jsonb)",
        [run.id, run.by, JSON.stringify(details)],
      );
    }
    return [setBack(name, unknown.id)];
  });
}

/** Before bytes are taken away. Those before it go. */
export async function setMilestone(
  { db }: Pick<CollectorContext, "db">,
  run: Run,
  { driver }: Pick<Store, "driver">,
): Promise<void> {
  const { rows } = await db.query<{ nonce: string }>(
    "SELECT nonce::text FROM holdfast.collector_run WHERE id = $1",
    [run.id],
  );
  const key = `${folder}${run.id.padStart(19, "0")}-${rows[0]?.nonce}`;
  const before = await milestonesOf(driver, run.signal);
  if (before.some((milestone) => milestone.key >= key)) return;
  const text = Buffer.from(`${JSON.stringify({ run: run.id, by: run.by, at: new Date() })}\n`);
  await driver.put(key, once(text), { sizeBytes: text.length, signal: run.signal });
  for (const old of before) await driver.delete(old.key, { signal: run.signal });
}

/** After a restored store was checked: its milestones are of a time that nobody goes back to. */
export async function clearMilestones(
  { driver }: Pick<Store, "driver">,
  signal?: AbortSignal,
): Promise<void> {
  for (const { key } of await milestonesOf(driver, signal)) await driver.delete(key, { signal });
}

interface Milestone {
  readonly key: string;
  readonly run: string;
  readonly nonce: string;
}

async function milestonesOf(driver: Store["driver"], signal: AbortSignal | undefined): Promise<Milestone[]> {
  const found: Milestone[] = [];
  for await (const { path: key } of driver.list(folder, { signal })) {
    const [, run, nonce] =
      /^_obj\/runs\/(\d{19})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(key) ?? [];
    if (run !== undefined && nonce !== undefined) found.push({ key, run, nonce });
  }
  return found;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function setBack(store: string, run: string): Doubt {
  return {
    code: "DATABASE",
    store,
    subject: store,
    message: `Run ${Number(run)} of the collector took bytes from the store ${store}, and the database does not know it: it was set back to an earlier moment, or is a copy.`,
    remedy: `The store was put to mode restore. Run holdfast fsck --apply --store ${store}, then set its mode to on.`,
  };
}
