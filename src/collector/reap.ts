/**
 * Reaping: uploads whose time is over become condemned objects, which die like all others; their bytes are touched by nobody before. What
 * is no object, their open multipart uploads, is aborted.
 */

import { sqlstateOf } from "../db/sqlstate.ts";
import { isServiceError } from "../errors.ts";
import { parseLocator } from "../object/locator.ts";
import { expireResumables } from "../object/resume-leftovers.ts";
import { sweepUploads } from "../object/upload-sweep.ts";
import type { MultipartAbility, Store } from "../store/contract.ts";
import { audit } from "./audit.ts";
import type { CollectorContext, Run } from "./context.ts";
import { inParallel } from "./parallel.ts";

const batch = 200;
const keysAtOnce = 8;

export interface ReapTask {
  readonly context: CollectorContext;
  readonly run: Run;
  readonly store: Store;
  /** Told what failed in the store; answers whether to go on with it. */
  readonly failed: (error: unknown, what: string) => boolean;
  /** Told the uploads that are objects now. */
  readonly reaped: (locators: readonly string[]) => Promise<void>;
}

/** Reaps all expired uploads of a store. */
export async function reap(task: ReapTask): Promise<void> {
  await abortKnown(task);
  for (let after = ""; task.run.signal?.aborted !== true; ) {
    const expired = await expiredUploads(task, after);
    if (expired.length === 0) return;
    after = expired.at(-1)?.locator ?? "";
    const clean = await abortUnknown(task, expired);
    if (clean === undefined) return;
    const locators = await bury(task, clean);
    await task.reaped(locators);
  }
}

/** Multipart uploads whose names were written down, and those of resumable uploads: each is taken by one process, here or elsewhere. */
async function abortKnown({ context, run, store, failed }: ReapTask): Promise<void> {
  const { name } = store.config;
  const log = (error: unknown, upload: string) => void failed(error, `upload ${upload} is not clean`);
  // Each look puts off what it took.
  while (run.signal?.aborted !== true && (await sweepUploads(context, log, name)) > 0);
  const left = await expireResumables(context, run.signal, name);
  for (const { error } of left.failed) failed(error, `resumable uploads of ${name} are not clean`);
}

interface Expired {
  readonly id: string;
  readonly locator: string;
  /** Its multipart uploads are aborted by others. */
  readonly known: boolean;
}

async function expiredUploads({ context, store }: ReapTask, after: string): Promise<readonly Expired[]> {
  const { rows } = await context.db.query<Expired>(
    `SELECT u.id, u.locator, EXISTS (SELECT FROM holdfast.upload_resume r WHERE r.upload = u.id)
       OR EXISTS (SELECT FROM holdfast.upload_detail d WHERE d.id = u.id AND d.sweep_at IS NOT NULL) AS known
     FROM holdfast.upload u
     WHERE u.expires_at < clock_timestamp() AND u.locator >= $1 || ':' AND u.locator < $1 || ';' AND u.locator > $2
     ORDER BY u.locator LIMIT $3`,
    [store.config.name, after, batch],
  );
  return rows;
}

/** Aborts what a process left open that died while it wrote; answers the uploads that leave nothing open. */
async function abortUnknown(task: ReapTask, expired: readonly Expired[]): Promise<Expired[] | undefined> {
  const { multipart } = task.store.driver;
  const clean: Expired[] = [];
  let goesOn = true;
  await inParallel(expired, keysAtOnce, async (upload) => {
    if (!goesOn) return;
    try {
      if (multipart !== undefined && !upload.known)
        await abortAt(multipart, parseLocator(upload.locator)?.path ?? "", task.run.signal);
      clean.push(upload);
    } catch (error) {
      if (!isServiceError(error)) throw error;
      goesOn = task.failed(error, `the expired upload of ${upload.locator} is not clean`);
    }
  });
  return goesOn ? clean : undefined;
}

async function abortAt(multipart: MultipartAbility, key: string, signal?: AbortSignal): Promise<void> {
  const left: { path: string; uploadId: string }[] = [];
  for await (const { path, uploadId } of multipart.open(key, signal)) {
    // Other keys may begin alike: only this one, and those inside of it, were ours.
    if (path === key || path.startsWith(`${key}/`)) left.push({ path, uploadId });
  }
  for (const { path, uploadId } of left) await multipart.abort(path, uploadId, signal);
}

/**
 * `holdfast.reap()` for some uploads of one store that is collected, with a line in the audit for each.
 * An upload whose key has a tombstone that is worked on comes again.
 */
async function bury({ context, run, store }: ReapTask, some: readonly Expired[]): Promise<string[]> {
  try {
    return await context.db.transaction(async (transaction) => {
      const { rows } = await transaction.query<{ id: string; locator: string }>(
        `SELECT u.id, u.locator FROM holdfast.upload u JOIN holdfast.store s ON s.name = $2 AND s.gc = 'on'
         WHERE u.id = ANY ($1::uuid[]) AND u.expires_at < clock_timestamp() AND NOT EXISTS (
           SELECT FROM holdfast.tombstone t WHERE t.locator = u.locator AND t.claim_until IS NOT NULL
             AND (t.hidden_at IS NULL OR t.hidden_at > clock_timestamp() - s.drain))
         ORDER BY u.locator FOR UPDATE OF u SKIP LOCKED`,
        [some.map(({ id }) => id), store.config.name],
      );
      const { rows: objects } = await transaction.query<{ locator: string; gen: string }>(
        `INSERT INTO holdfast.object (locator, condemned_at) SELECT locator, '-infinity' FROM unnest($1::text[]) AS locator
         ORDER BY locator ON CONFLICT DO NOTHING RETURNING locator, gen`,
        [rows.map(({ locator }) => locator)],
      );
      await context.faults("reap.mid");
      await transaction.query("DELETE FROM holdfast.upload WHERE id = ANY ($1::uuid[])", [
        rows.map(({ id }) => id),
      ]);
      const gens = new Map(objects.map(({ locator, gen }) => [locator, gen]));
      const lines = rows.map(({ id, locator }) => {
        const gen = gens.get(locator);
        return { locator, details: { upload: id }, ...(gen !== undefined && { gen }) };
      });
      await audit(transaction, run, "reap", lines);
      return rows.map(({ locator }) => locator);
    });
  } catch (error) {
    // A tombstone was claimed in this moment.
    if (sqlstateOf(error) === "55006") return [];
    throw error;
  }
}
