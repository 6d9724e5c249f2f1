/** Verification: an object counts as good only when all its bytes were read and are those recorded, by whoever looks at this very row. */

import { sqlstateOf } from "../db/sqlstate.ts";
import { dedupKey } from "../object/equal-content.ts";
import { locatorOf } from "../object/locator.ts";
import type { Store } from "../store/contract.ts";
import { audit } from "./audit.ts";
import { type Examined, examine, type Wrong } from "./bytes-of.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { KnownObject } from "./known.ts";

/** An object of a store, as the database had it when it was read. */
export interface Subject {
  readonly store: Store;
  readonly path: string;
  readonly object: KnownObject;
}

/** What became of one verification. */
export type Verdict =
  | { readonly kind: "verified"; readonly readBytes: number }
  | { readonly kind: "wrong"; readonly wrong: Wrong; readonly readBytes: number }
  | { readonly kind: "missing" }
  /** The row was replaced or verified by another meanwhile: what was read says nothing of it. */
  | { readonly kind: "changed"; readonly readBytes: number };

/** Reads an unverified object and, where its bytes are right, records that. */
export async function verify(context: CollectorContext, run: Run, subject: Subject): Promise<Verdict> {
  const { store, path, object } = subject;
  const examined = await examine(store, path, object, run.signal);
  if (examined === undefined) return { kind: "missing" };
  const { readBytes, wrong } = examined;
  if (wrong !== undefined) return { kind: "wrong", wrong, readBytes };
  await context.faults("verify.between-head-and-update");
  const isRecorded = await record(context, run, subject, examined);
  return isRecorded ? { kind: "verified", readBytes } : { kind: "changed", readBytes };
}

/** The same row, or none: the fence is `gen`, which no two registrations of a locator share. */
async function record(
  context: CollectorContext,
  run: Run,
  subject: Subject,
  examined: Examined,
): Promise<boolean> {
  const dedup = dedupOf(subject, examined);
  try {
    return await recordWith(context, run, subject, { examined, dedup });
  } catch (error) {
    // Equal content was published at the same moment: that one serves for both.
    if (sqlstateOf(error) !== "23505") throw error;
    return recordWith(context, run, subject, { examined, dedup: undefined });
  }
}

const recordText = `UPDATE holdfast.object SET verified_at = clock_timestamp(), size = $3, sha256 = coalesce(decode($4, 'hex'), sha256),
    tree = $5, version_id = coalesce($6, version_id),
    dedup = CASE WHEN EXISTS (SELECT FROM holdfast.object o WHERE o.dedup = $7) THEN NULL ELSE $7 END
  WHERE locator = $1 AND gen = $2 AND verified_at IS NULL`;

function recordWith(
  { db }: CollectorContext,
  run: Run,
  { store, path, object }: Subject,
  { examined, dedup }: { readonly examined: Examined; readonly dedup: string | undefined },
): Promise<boolean> {
  const locator = locatorOf(store.config.name, path);
  const { sizeBytes, sha256, isTree, versionId } = examined;
  const values = [locator, object.gen, sizeBytes, sha256 ?? null, isTree, versionId ?? null, dedup ?? null];
  return db.transaction(async (transaction) => {
    const { rowCount } = await transaction.query(recordText, values, { name: "truth-verified" });
    if (rowCount === 0) return false;
    await audit(transaction, run, "verify", [{ locator, gen: object.gen, details: { size: sizeBytes } }]);
    return true;
  });
}

/** Of a hash-addressed object: the first segment of its section is the schema that content is shared in. */
function dedupOf({ store, path }: Subject, { sha256 }: Examined): string | undefined {
  const { name, hashPrefix } = store.config;
  if (sha256 === undefined || hashPrefix === "" || !path.startsWith(`${hashPrefix}/`)) return undefined;
  const [schema = ""] = path.slice(hashPrefix.length + 1).split("/");
  return dedupKey(name, schema, sha256);
}

/** Takes back that an object is good, so that no new row is given its bytes. Answers false when the row is another one by now. */
export async function unverify(
  { db }: CollectorContext,
  run: Run,
  { store, path, object }: Subject,
  why: string,
): Promise<boolean> {
  const locator = locatorOf(store.config.name, path);
  return db.transaction(async (transaction) => {
    const { rows } = await transaction.query<{ was: boolean }>(
      `UPDATE holdfast.object o SET verified_at = NULL, dedup = NULL FROM holdfast.object b
       WHERE o.locator = $1 AND o.gen = $2 AND b.locator = o.locator RETURNING b.verified_at IS NOT NULL AS was`,
      [locator, object.gen],
      { name: "truth-unverified" },
    );
    const [row] = rows;
    if (row?.was === true)
      await audit(transaction, run, "doubt", [{ locator, gen: object.gen, details: { why } }]);
    return row !== undefined;
  });
}
