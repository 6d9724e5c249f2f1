/**
 * Reconciliation of one store: one pass over its listing and over what the database knows, in constant memory.
 *
 * The listing and the database are not read at one moment, and a listing may lie. So nothing is concluded from either: what one lacks is
 * looked up in the other again, by HEAD and by its row. And nothing at all is changed for what a listing lacks, or has too much, before
 * it has ended and has shown every object that it had to have.
 */

import { checkUnknown, type Unknown } from "./adopt-bytes.ts";
import { type Check, checkMissing, checkPresent, headOf, isAbandoned, lookAgain } from "./check.ts";
import type { Doubt } from "./contract.ts";
import { storeDoubt } from "./findings.ts";
import { type Known, type KnownObject, knownPaths, momentOf } from "./known.ts";
import { broken, listSections } from "./listing.ts";
import { type Found, merge } from "./merge.ts";
import { Pool } from "./pool.ts";
import { adoptedSchemas, type Sections, sectionsOf } from "./sections.ts";
import type { Subject } from "./verify.ts";

/** Objects that are looked at side by side. */
const atOnce = 8;
/** What waits for the end of the listing; with more another run goes on. Bounds the memory. */
const maxWaiting = 100_000;

interface Pass {
  readonly check: Check;
  readonly sections: Sections;
  readonly pool: Pool;
  readonly missing: Subject[];
  readonly unknown: Unknown[];
  /** A path that the listing had to have and has not. */
  skipped: string | undefined;
  isMore: boolean;
}

/** Compares a store with the database; with `apply` adopts, verifies and heals. Answers what makes the store doubtful; when its listing does, nothing was adopted or healed. */
export async function reconcile(check: Check): Promise<readonly Doubt[]> {
  const { config } = check.store;
  const sections = sectionsOf(config, await adoptedSchemas(check.context.db));
  const pool = new Pool(atOnce);
  const pass: Pass = { check, sections, pool, missing: [], unknown: [], skipped: undefined, isMore: false };
  try {
    await compare(pass);
    if (pass.skipped !== undefined)
      throw broken(config.name, `lacks ${pass.skipped}, which the store has when it is asked for it`);
    for (const subject of pass.missing) await pool.add(() => checkMissing(check, subject));
    // One after the other: of what lies beside each other only one may be first.
    for (const one of pass.unknown) await checkUnknown(check, one);
    await pool.done();
    return pass.isMore ? [unfinished(config.name)] : [];
  } catch (error) {
    await pool.settled();
    check.run.signal?.throwIfAborted();
    const doubt = storeDoubt(config.name, error);
    if (doubt === undefined) throw error;
    return [doubt];
  }
}

function unfinished(store: string): Doubt {
  return {
    code: "STORE",
    store,
    subject: store,
    message: `The store ${store} and the database differ in more than ${maxWaiting} objects; the rest was not looked at.`,
    remedy: "Make sure that this is the store, then run it again: it goes on where it ended.",
  };
}

async function compare(pass: Pass): Promise<void> {
  const { check, sections, pool } = pass;
  const { context, store, run, findings } = check;
  const since = await momentOf(context.db);
  const listing = listSections(store, sections.prefixes, run.signal);
  const known = knownPaths(context.db, { store: store.config.name, since });
  for await (const merged of merge(listing, known, sections.rootOf)) {
    run.signal?.throwIfAborted();
    if (merged.kind === "unknown") {
      if (pass.unknown.length < maxWaiting) pass.unknown.push(merged);
      else pass.isMore = true;
      continue;
    }
    const subject = subjectOf(check, merged.known);
    if (subject === undefined) continue;
    findings.objects += 1;
    if (merged.kind === "absent") await pool.add(() => absent(pass, subject));
    else if (needsLook(check, subject.object, sizeOf(merged.found)))
      await pool.add(() => checkPresent(check, subject, sizeOf(merged.found)));
  }
  await pool.done();
}

function subjectOf({ store }: Check, { path, object }: Known): Subject | undefined {
  return object === undefined ? undefined : { store, path, object };
}

function sizeOf({ fileBytes, bytesInside }: Found): number {
  return fileBytes ?? bytesInside;
}

/** Almost all objects need none: they are verified and have their size. */
function needsLook({ scrub }: Check, object: KnownObject, sizeBytes: number): boolean {
  return !object.isVerified || scrub > 0 || (object.sizeBytes ?? sizeBytes) !== sizeBytes;
}

/** Known, and not in the listing. */
async function absent(pass: Pass, subject: Subject): Promise<void> {
  const { check, sections, missing } = pass;
  const found = await headOf(check, subject);
  if (found !== undefined) {
    // Of what nobody has verified nothing says that it was there when the listing began.
    const { isVerified, isSettled } = subject.object;
    const isExpected = sections.has(subject.path) && isVerified && isSettled;
    if (isExpected && (await lookAgain(check, subject))?.isVerified === true) pass.skipped ??= subject.path;
    else await checkPresent(check, subject, found.sizeBytes);
    return;
  }
  if (isAbandoned(subject.object)) return;
  if (missing.length < maxWaiting) missing.push(subject);
  else pass.isMore = true;
}
