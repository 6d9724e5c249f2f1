/** The critical interleavings of the object protocol, each forced step by step. */

import { expect } from "vitest";
import { hold, insert, locator, object, old, reference, type World } from "./world.ts";

type Scene = (world: World) => Promise<void>;

const refused = (sqlstate: string) => ({ ok: false, sqlstate });
const done = (count: number) => expect.objectContaining({ ok: true, count });
const answered = (row: Record<string, unknown>) => expect.objectContaining({ ok: true, rows: [row] });

const claim = `UPDATE holdfast.tombstone SET claim_by = 'w', claim_until = now() + interval '1 min'
  WHERE id IN (SELECT id FROM holdfast.tombstone WHERE hidden_at IS NULL FOR UPDATE SKIP LOCKED)`;
const reserve = "SELECT holdfast.reserve($1, $2)";
const publish = "SELECT holdfast.publish('lab', $1, $2, false, 1, NULL, NULL)";
const holdExisting = "SELECT holdfast.hold_existing($1, $2)";

export const referenceThenRelease: Scene = async (w) => {
  await w.held();
  await w.a.run("BEGIN");
  await w.a.run(insert(2));
  expect(await w.sweep(w.b, hold)).toBe(0);
  await w.a.run("COMMIT");
  expect(await w.sweep(w.b, hold)).toBe(0);
  await w.expectSound();
  expect(await w.count("lab.t")).toBe(1);
};

/** A plain DELETE of the hold must wait, and then be refused. */
export const referenceThenDelete: Scene = async (w) => {
  await w.held();
  await w.a.run("BEGIN");
  await w.a.run(insert(2));
  const deleting = await w.b.blocked(w.monitor, `DELETE FROM ${hold}`);
  await w.a.run("COMMIT");
  expect(await deleting.join()).toEqual(refused("23503"));
  await w.expectSound();
};

/** The foreign insert waits, then takes a new hold. */
export const releaseThenForeignInsert: Scene = async (w) => {
  await w.held();
  await w.a.run("BEGIN");
  await w.a.run(`DELETE FROM ${hold}`);
  const inserting = await w.b.blocked(w.monitor, insert(2));
  await w.a.run("COMMIT");
  expect(await inserting.join()).toEqual(done(1));
  await w.expectSound();
  expect(await w.count(hold)).toBe(1);
};

/** Without the foreign writers' trigger (a table of the service only) the insert is refused. */
export const releaseThenServiceInsert: Scene = async (w) => {
  await w.held();
  await w.monitor.run("DROP TRIGGER _obj_d_ref ON lab.t");
  await w.a.run("BEGIN");
  await w.a.run(`DELETE FROM ${hold}`);
  const inserting = await w.b.blocked(w.monitor, insert(2));
  await w.a.run("COMMIT");
  expect(await inserting.join()).toEqual(refused("23503"));
  await w.expectSound();
};

/** Waits, then cancels the tombstone that nobody has claimed: the bytes were never touched. */
export const killThenForeignInsert: Scene = async (w) => {
  await w.condemned();
  await w.a.run("BEGIN");
  await w.a.run(`DELETE FROM ${object}`);
  const inserting = await w.b.blocked(w.monitor, insert(2));
  await w.a.run("COMMIT");
  expect(await inserting.join()).toEqual(done(1));
  await w.expectSound();
  expect(await w.count("holdfast.tombstone")).toBe(0);
};

/** Nothing to kill; a plain DELETE is refused by the foreign key. */
export const foreignInsertThenKill: Scene = async (w) => {
  await w.condemned();
  await w.a.run("BEGIN");
  await w.a.run(insert(2));
  expect(await w.sweep(w.b, object, old)).toBe(0);
  const deleting = await w.b.blocked(w.monitor, `DELETE FROM ${object}`);
  await w.a.run("COMMIT");
  expect(await deleting.join()).toEqual(refused("23503"));
  await w.expectSound();
};

/** Claimed, or hidden and not drained: refused. Drained: accepted as unverified. */
export const insertByTombstoneState: Scene = async (w) => {
  await w.condemned();
  await w.sweep(w.monitor, object, old);
  await w.monitor.run("UPDATE holdfast.tombstone SET claim_by = 'w', claim_until = now()");
  expect(await w.a.sqlstate(insert(2))).toBe("55006");
  await w.monitor.run("UPDATE holdfast.tombstone SET hidden_at = now()");
  expect(await w.a.sqlstate(insert(2))).toBe("55006");
  await w.monitor.run("UPDATE holdfast.tombstone SET hidden_at = now() - interval '1 day'");
  expect(await w.a.sqlstate(insert(2))).toBeUndefined();
  expect(await w.monitor.value(`SELECT verified_at IS NULL FROM ${object}`)).toBe(true);
  await w.expectSound();
};

export const claimThenInsert: Scene = async (w) => {
  await w.condemned();
  await w.sweep(w.monitor, object, old);
  await w.a.run("BEGIN");
  expect(await w.a.run(claim)).toBe(1);
  const inserting = await w.b.blocked(w.monitor, insert(2));
  await w.a.run("COMMIT");
  expect(await inserting.join()).toEqual(refused("55006"));
  await w.expectSound();
};

/** A worker whose claim is another's by now has nothing to say of the bytes; it waits for who takes the claim, and then is told. */
export const stealThenHidden: Scene = async (w) => {
  const hidden = "SELECT holdfast.hidden((SELECT min(id) FROM holdfast.tombstone), $1, $2, '1 day')";
  await w.condemned();
  await w.sweep(w.monitor, object, old);
  await w.monitor.run(claim);
  await w.monitor.run("UPDATE holdfast.tombstone SET claim_until = now() - interval '1 s'");
  await w.a.run("BEGIN");
  await w.a.run("SELECT FROM holdfast.claim('thief', 1, '1 min')");
  const reporting = await w.b.blocked(w.monitor, hidden, "w", null);
  await w.a.run("COMMIT");
  expect(await reporting.join()).toEqual(answered({ hidden: false }));
  expect(await w.count("holdfast.tombstone WHERE hidden_at IS NULL")).toBe(1);
  expect(await w.a.value(hidden, "thief", "trash")).toBe(true);
  expect(await w.a.value(hidden, "thief", "other trash")).toBe(false);
  await w.expectSound();
};

export const insertThenClaim: Scene = async (w) => {
  await w.condemned();
  await w.sweep(w.monitor, object, old);
  await w.a.run("BEGIN");
  await w.a.run(insert(2));
  expect(await w.b.run(claim)).toBe(0);
  await w.a.run("COMMIT");
  expect(await w.b.run(claim)).toBe(0);
  await w.expectSound();
};

export const killThenReuse: Scene = async (w) => {
  await w.condemned();
  await w.a.run("BEGIN");
  await w.a.run(`DELETE FROM ${object}`);
  const holding = await w.b.blocked(w.monitor, holdExisting, "lab", locator);
  await w.a.run("COMMIT");
  expect(await holding.join()).toEqual(answered({ hold_existing: false }));
  await w.expectSound();
};

export const reuseThenKill: Scene = async (w) => {
  await w.condemned();
  await w.a.run("BEGIN");
  expect(await w.a.value(holdExisting, "lab", locator)).toBe(true);
  expect(await w.sweep(w.b, object, old)).toBe(0);
  await w.a.run(insert(3));
  await w.a.run("COMMIT");
  expect(await w.sweep(w.b, object, old)).toBe(0);
  await w.expectSound();
};

/** What a foreign writer has registered, condemned or not, is not given to another row before somebody has read it. */
export const reuseOfUnverified: Scene = async (w) => {
  await w.a.run(insert(1));
  expect(await w.b.value(holdExisting, "x", locator)).toBe(false);
  await w.condemn();
  expect(await w.b.value(holdExisting, "x", locator)).toBe(false);
  expect(await w.count('x."~object"')).toBe(0);
  await w.monitor.run(`UPDATE ${object} SET verified_at = now()`);
  expect(await w.b.value(holdExisting, "x", locator)).toBe(true);
  await w.expectSound();
};

/** One key: two uploads; in use; being killed; killed. */
export const reserveAgainstAll: Scene = async (w) => {
  await w.a.run("BEGIN");
  const upload = await w.a.value<string>(reserve, locator, "1 h");
  expect(upload).toBeTruthy();
  const second = await w.b.blocked(w.monitor, reserve, locator, "1 h");
  await w.a.run("COMMIT");
  expect(await second.join()).toEqual(answered({ reserve: null }));
  await w.a.run("BEGIN");
  expect(await w.a.value(publish, upload, "d")).toBe(locator);
  const third = await w.b.blocked(w.monitor, reserve, locator, "1 h");
  await w.a.run("COMMIT");
  expect(await third.join()).toEqual(answered({ reserve: null }));
  await w.condemn();
  await w.sweep(w.monitor, hold);
  await w.a.run("BEGIN");
  expect(await w.sweep(w.a, object, old)).toBe(1);
  expect(await w.b.value(reserve, locator, "1 h")).toBeNull();
  await w.a.run("COMMIT");
  expect(await w.b.value(reserve, locator, "1 h")).toBeNull();
};

export const reapThenPublish: Scene = async (w) => {
  const upload = await w.monitor.value(reserve, locator, "1 h");
  await w.a.run("BEGIN");
  await w.a.run(
    `WITH d AS (DELETE FROM holdfast.upload WHERE expires_at < clock_timestamp() + interval '2 h' RETURNING locator)
     INSERT INTO ${object} (locator, condemned_at) SELECT locator, '-infinity' FROM d ON CONFLICT DO NOTHING`,
  );
  const publishing = await w.b.blocked(w.monitor, publish, upload, null);
  await w.a.run("COMMIT");
  expect(await publishing.join()).toEqual(refused("55006"));
  await w.expectSound();
};

export const publishThenReap: Scene = async (w) => {
  const upload = await w.monitor.value(reserve, locator, "1 h");
  await w.a.run("BEGIN");
  await w.a.run(publish, upload, null);
  const reaping = await w.b.blocked(w.monitor, "DELETE FROM holdfast.upload");
  await w.a.run("COMMIT");
  expect(await reaping.join()).toEqual(done(0));
  await w.expectSound();
};

/** A foreign writer registered the key, it was killed and hidden, all while the upload slept. */
export const publishAfterKill: Scene = async (w) => {
  const upload = await w.monitor.value(reserve, locator, "30 days");
  await w.monitor.run(insert(1));
  await w.monitor.run("DELETE FROM lab.t");
  await w.sweep(w.monitor, hold);
  await w.condemn();
  await w.sweep(w.monitor, object, old);
  await w.monitor.run(
    "UPDATE holdfast.tombstone SET claim_by = 'w', claim_until = now(), hidden_at = now() - interval '5 days'",
  );
  expect(await w.a.sqlstate(publish, upload, null)).toBe("55006");
  await w.expectSound();
};

/** Two uploads of one content on two keys. */
export const publishSameContent: Scene = async (w) => {
  const one = await w.monitor.value(reserve, locator, "1 h");
  const two = await w.monitor.value(reserve, `${locator}b`, "1 h");
  await w.a.run("BEGIN");
  await w.a.run(publish, one, "d");
  const publishing = await w.b.blocked(w.monitor, publish, two, "d");
  await w.a.run("COMMIT");
  expect(await publishing.join()).toEqual(refused("23505"));
  expect(await w.b.value(publish, two, "d")).toBe(locator);
  expect(await w.count(object)).toBe(1);
  await w.expectSound();
};

/** The single-statement trap: a condemn on an old snapshot marks a referenced object; that must be harmless. */
export const staleCondemn: Scene = async (w) => {
  await w.held();
  await w.sweep(w.monitor, hold);
  await w.a.run("BEGIN");
  await w.a.run(insert(2));
  await w.a.run(`UPDATE ${object} SET condemned_at = NULL`);
  const condemning = await w.b.blocked(
    w.monitor,
    `UPDATE ${object} o SET condemned_at = now() - interval '30 days'
     WHERE condemned_at IS NULL AND NOT EXISTS (SELECT FROM ${hold} h WHERE h.locator = o.locator)`,
  );
  await w.a.run("COMMIT");
  expect(await condemning.join()).toEqual(done(1));
  expect(await w.sweep(w.monitor, object, old)).toBe(0);
  await w.expectSound();
};

export const killOnOldSnapshot: Scene = async (w) => {
  await w.condemned();
  await w.a.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await w.a.run(`SELECT 1 FROM ${object}`);
  await w.b.run(insert(2));
  expect(["40001", "23503"]).toContain(await w.a.sqlstate(`DELETE FROM ${object}`));
  await w.a.run("ROLLBACK");
  await w.expectSound();
};

/** Two foreign transactions register the same two objects in opposite order: one is aborted, nothing breaks. */
export const oppositeOrder: Scene = async (w) => {
  await w.a.run("BEGIN");
  await w.b.run("BEGIN");
  await w.a.run(insert(1, "p"));
  await w.b.run(insert(2, "q"));
  const first = await w.a.blocked(w.monitor, insert(3, "q"));
  const second = await w.b.sqlstate(insert(4, "p"));
  if (second !== undefined) await w.b.run("ROLLBACK");
  const outcome = await first.join();
  const aborted = [second, outcome.ok ? undefined : outcome.sqlstate].filter((code) => code === "40P01");
  expect(aborted).toHaveLength(1);
  await w.a.run(outcome.ok ? "COMMIT" : "ROLLBACK");
  if (second === undefined) await w.b.run("COMMIT");
  await w.expectSound();
};

/** DDL in one schema goes on beside a long transaction in another. */
export const ddlBesideLongTransaction: Scene = async (w) => {
  await w.a.run("BEGIN");
  await w.a.run(insert(1));
  await w.b.run("SET lock_timeout = '1s'");
  expect(await w.b.sqlstate("DROP TABLE x.t")).toBeUndefined();
  const adopt =
    "CREATE TABLE x.n (id int PRIMARY KEY, d jsonb); SELECT holdfast.adopt_column('x.n', 'd', 'main')";
  expect(await w.b.sqlstate(adopt)).toBeUndefined();
  await w.a.run("COMMIT");
  await w.expectSound();
};

export const savepointRollback: Scene = async (w) => {
  await w.a.run("BEGIN");
  await w.a.run("SAVEPOINT s");
  await w.a.run(insert(1));
  await w.a.run("ROLLBACK TO s");
  await w.a.run("COMMIT");
  expect(await w.count(hold)).toBe(0);
  expect(await w.count(object)).toBe(0);
};

/** TRUNCATE and DROP of a referring table release everything, and touch nothing else. */
export const truncateAndDrop: Scene = async (w) => {
  await w.monitor.run(insert(1));
  await w.monitor.run(insert(2, "b", "lab.u"));
  await w.monitor.run("TRUNCATE lab.t");
  expect(await w.sweep(w.monitor, hold)).toBe(1);
  await w.monitor.run("DROP TABLE lab.u");
  expect(await w.sweep(w.monitor, hold)).toBe(1);
  await w.expectSound();
};

export const overwriteThenRelease: Scene = async (w) => {
  await w.monitor.run(insert(1));
  await w.monitor.run(insert(2, "b"));
  await w.monitor.run("DELETE FROM lab.t WHERE id = 2");
  await w.a.run("BEGIN");
  await w.a.run(`UPDATE lab.t SET d = '${reference("b")}' WHERE id = 1`);
  expect(await w.sweep(w.b, hold)).toBe(0);
  await w.a.run("COMMIT");
  expect(await w.sweep(w.b, hold)).toBe(1);
  await w.expectSound();
};

/** A clone into another schema, while the source is released and killed. */
export const cloneThenKill: Scene = async (w) => {
  await w.monitor.run(insert(1));
  await w.monitor.run(`UPDATE ${object} SET verified_at = now()`);
  await w.a.run("BEGIN");
  await w.a.run(holdExisting, "x", locator);
  await w.a.run("INSERT INTO x.t SELECT id, d FROM lab.t");
  await w.b.run("DELETE FROM lab.t");
  expect(await w.sweep(w.b, hold)).toBe(1);
  await w.condemnUnlocked();
  expect(await w.sweep(w.b, object, old)).toBe(0);
  await w.a.run("COMMIT");
  expect(await w.sweep(w.monitor, object, old)).toBe(0);
  await w.expectSound();
  expect(await w.count("x.t")).toBe(1);
};

/** A verifier that looked before the key was killed and registered again must not mark the new row. */
export const staleVerifier: Scene = async (w) => {
  await w.monitor.run(insert(1));
  const gen = await w.monitor.value(`SELECT gen FROM ${object}`);
  await w.monitor.run("DELETE FROM lab.t");
  await w.sweep(w.monitor, hold);
  await w.condemn();
  await w.sweep(w.monitor, object, old);
  await w.monitor.run(
    "UPDATE holdfast.tombstone SET claim_by = 'w', claim_until = now(), hidden_at = now() - interval '1 day'",
  );
  await w.monitor.run(insert(2));
  const mark = `UPDATE ${object} SET verified_at = now() WHERE locator = $1 AND gen = $2`;
  expect(await w.monitor.run(mark, locator, gen)).toBe(0);
  await w.expectSound();
};
