/** What is done about one object, by what the listing and the store say of it. */

import { isServiceError } from "../errors.ts";
import { locatorOf } from "../object/locator.ts";
import { listReferrers } from "../object/referrers.ts";
import type { Store } from "../store/contract.ts";
import { bytesOf, examine, type Present, type Wrong } from "./bytes-of.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Findings } from "./findings.ts";
import { heal } from "./heal.ts";
import { type KnownObject, lookUp } from "./known.ts";
import { type Subject, unverify, verify } from "./verify.ts";

/** A check of one store. */
export interface Check {
  readonly context: CollectorContext;
  readonly run: Run;
  readonly store: Store;
  /** False: only tells. */
  readonly apply: boolean;
  /** Share of the objects that are read and digested. */
  readonly scrub: number;
  readonly findings: Findings;
}

/** Whether the row is still the one that was read, with its doubts settled meanwhile or not; `undefined` when it is gone or another. */
export async function lookAgain(check: Check, { path, object }: Subject): Promise<KnownObject | undefined> {
  const now = await lookUp(check.context.db, locatorOf(check.store.config.name, path));
  return now.object?.gen === object.gen ? now.object : undefined;
}

/** An object that was abandoned before it had bytes: it dies the normal way, and nobody misses it. */
export function isAbandoned(object: KnownObject): boolean {
  return object.isCondemned && !object.isVerified;
}

/** An object whose bytes are there: verifies what nobody has verified, reads a share of the rest, and compares sizes. */
export async function checkPresent(check: Check, subject: Subject, sizeBytes: number): Promise<void> {
  const { object } = subject;
  if (!object.isVerified) await checkUnverified(check, subject);
  else if (check.scrub > 0 && Math.random() < check.scrub) await scrub(check, subject);
  else if (object.sizeBytes !== undefined && object.sizeBytes !== sizeBytes) await checkSize(check, subject);
}

/** The listing was read a while ago: only what the store says now, of the row as it is now, is told. */
async function checkSize(check: Check, subject: Subject): Promise<void> {
  const { run, store } = check;
  const now = await bytesOf(store.driver, subject.path, run.signal);
  if (now === undefined || now.sizeBytes === subject.object.sizeBytes) return;
  if ((await lookAgain(check, subject))?.isVerified !== true) return;
  const message = `It has ${now.sizeBytes} bytes, but ${subject.object.sizeBytes} were recorded.`;
  await tellWrong(check, subject, { kind: "SIZE", message });
}

async function checkUnverified(check: Check, subject: Subject): Promise<void> {
  const { context, run, findings, apply } = check;
  if (!apply) return findings.tell("UNVERIFIED", subject.path, "left", "Nobody has verified its bytes yet.");
  const verdict = await reading(check, subject, () => verify(context, run, subject));
  if (verdict === undefined || verdict.kind === "changed") return;
  if (verdict.kind === "missing") return checkMissing(check, subject);
  findings.scrubbedBytes += verdict.readBytes;
  if (verdict.kind === "wrong") await tellWrong(check, subject, verdict.wrong);
  else await findings.tell("UNVERIFIED", subject.path, "verified", "Its bytes were read and are good.");
}

/** Reads a verified object. Never deletes or overwrites. */
async function scrub(check: Check, subject: Subject): Promise<void> {
  const { store, run, findings } = check;
  const examined = await reading(check, subject, async () => {
    const found = await examine(store, subject.path, subject.object, run.signal);
    return found ?? "missing";
  });
  if (examined === undefined) return;
  if (examined === "missing") return checkMissing(check, subject);
  findings.scrubbedBytes += examined.readBytes;
  if (examined.wrong !== undefined && (await lookAgain(check, subject)) !== undefined)
    await tellWrong(check, subject, examined.wrong);
}

/** How many objects of a store may fail to be read before the store as a whole is in doubt. */
const maxUnreadable = 10;
const unreadable = new WeakMap<Findings, number>();

/** One object that cannot be read (a bad sector, an archive) does not end the check; many do. */
async function reading<T>(check: Check, subject: Subject, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    check.run.signal?.throwIfAborted();
    // Replaced while it was read: it is not what was to be checked.
    if (isServiceError(error, "REFERENCE_CHANGED")) return undefined;
    if (!isServiceError(error, "STORE_UNAVAILABLE") && !isServiceError(error, "OBJECT_ARCHIVED")) throw error;
    const count = (unreadable.get(check.findings) ?? 0) + 1;
    unreadable.set(check.findings, count);
    if (count > maxUnreadable && isServiceError(error, "STORE_UNAVAILABLE")) throw error;
    await check.findings.tell("UNVERIFIED", subject.path, "left", `It cannot be read: ${error.message}`);
    return undefined;
  }
}

/**
 * Bytes that are there and wrong. They stay: only the protocol takes bytes from a live key, and only those nobody refers to. The object
 * stops counting as good, so that no new row is given it; of a folder the files that are missing come back.
 */
async function tellWrong(check: Check, subject: Subject, wrong: Wrong): Promise<void> {
  const { context, run, findings, apply } = check;
  if (!apply) return findings.tell(wrong.kind, subject.path, "left", wrong.message);
  if (subject.object.isTree) {
    const healing = await heal(context, run, subject);
    if (healing.kind === "changed") return;
    if (healing.kind === "healed")
      return findings.tell(
        wrong.kind,
        subject.path,
        "healed",
        `${wrong.message} Healed from ${healing.from}.`,
      );
  } else if (!(await unverify(context, run, subject, wrong.message))) return;
  await findings.tell(wrong.kind, subject.path, "left", wrong.message);
}

/** Bytes that the store does not have, as a HEAD of now says: heals, or tells what is lost. */
export async function checkMissing(check: Check, subject: Subject): Promise<void> {
  const { context, run, store, findings, apply } = check;
  const { path } = subject;
  const now = await lookAgain(check, subject);
  if (now === undefined || isAbandoned(now)) return;
  let why = "Its bytes are not in the store.";
  if (apply) {
    const healing = await heal(context, run, { store, path, object: now });
    if (healing.kind === "changed") return;
    if (healing.kind === "healed")
      return findings.tell("MISSING", path, "healed", `${why} Healed from ${healing.from}.`);
    why = `${why} ${healing.message}`;
  }
  const { rows, truncated } = await listReferrers(context.db, locatorOf(store.config.name, path), {
    limit: 1,
  });
  const [row] = rows;
  if (row !== undefined) findings.lost += 1;
  await findings.tell(
    "MISSING",
    path,
    "left",
    row === undefined ? why : `${why} ${referred(row, truncated)}`,
  );
}

type Referrer = Awaited<ReturnType<typeof listReferrers>>["rows"][number];

function referred({ schema, table, column, key }: Referrer, more: boolean): string {
  const where = key.map(([name, text]) => `${name}=${text}`).join(", ");
  return `${schema}.${table}.${column} refers to it where ${where}${more ? ", and other rows" : ""}.`;
}

/** Not in the listing, as far as the database was read. Answers the bytes that a HEAD finds all the same. */
export function headOf(check: Check, { path }: Subject): Promise<Present | undefined> {
  return bytesOf(check.store.driver, path, check.run.signal);
}
