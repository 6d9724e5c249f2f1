/**
 * Healing: bytes that are missing come back from the trash or from a version. First the object stops counting as good, then copies are made,
 * each to a key that has nothing: what is there is never overwritten. Then all of it is verified.
 */

import { isServiceError } from "../errors.ts";
import { digestOf } from "../object/digest.ts";
import { locatorOf } from "../object/locator.ts";
import { audit } from "./audit.ts";
import { hashName } from "./bytes-of.ts";
import type { CollectorContext, Run } from "./context.ts";
import { lostTrashOf } from "./lost-trash.ts";
import { fromTrash, fromVersions, hiddenOf } from "./sources.ts";
import type { TrashedKey } from "./trash.ts";
import { type Subject, unverify, type Verdict, verify } from "./verify.ts";

/** What became of an object whose bytes were missing, or not all there. */
export type Healing =
  | { readonly kind: "healed"; readonly from: string }
  | { readonly kind: "left"; readonly message: string }
  /** The row is gone or another one. */
  | { readonly kind: "changed" };

/** Brings the bytes of an object back. Any number may do so at once, and from any point again. */
export async function heal(
  context: CollectorContext,
  run: Run,
  subject: Subject,
  point: "heal.after-copy" | "revive.after-copy" = "heal.after-copy",
): Promise<Healing> {
  const { store, path, object } = subject;
  const locator = locatorOf(store.config.name, path);
  if (!(await unverify(context, run, subject, "missing"))) return { kind: "changed" };
  const unverified: Subject = { ...subject, object: { ...object, isVerified: false } };
  let message = "Neither the trash nor a version has its bytes.";
  for await (const source of sourcesOf(context, run, subject)) {
    const copied = await copyAll(subject, source.files, run.signal);
    if (copied.wrong !== undefined) message = `${source.name} cannot serve: ${copied.wrong}`;
    if (copied.count === 0) continue;
    await context.faults(point);
    const verdict = await verify(context, run, unverified);
    if (verdict.kind === "verified") {
      const details = { from: source.name };
      await audit(context.db, run, "heal", [{ locator, gen: object.gen, details }]);
      return { kind: "healed", from: source.name };
    }
    if (verdict.kind === "changed") return verdict;
    message = messageOf(verdict, source.name);
  }
  return { kind: "left", message };
}

function messageOf(verdict: Verdict, from: string): string {
  const why = verdict.kind === "wrong" ? verdict.wrong.message : "It is missing again.";
  return `Copied back from ${from}, it is not what it was: ${why}`;
}

interface Source {
  readonly name: string;
  readonly files: AsyncIterable<TrashedKey>;
}

async function* sourcesOf(
  { db }: CollectorContext,
  { signal }: Run,
  { store, path, object }: Subject,
): AsyncGenerator<Source> {
  for (const hidden of await hiddenOf(db, store.config.name, path))
    yield { name: `the trash of tombstone ${hidden.id}`, files: fromTrash(store, hidden, signal) };
  for (const { folder, keys } of await lostTrashOf(db, store.config.name, path))
    yield { name: folder, files: each(keys) };
  for await (const version of fromVersions(store, path, object.versionId, signal)) {
    yield { name: `version ${version.versionId}`, files: each([version]) };
  }
}

async function* each(keys: readonly TrashedKey[]): AsyncGenerator<TrashedKey> {
  yield* keys;
}

interface Copied {
  /** Files that are at their keys now, by this or another's doing. */
  readonly count: number;
  /** Why the source is not used any further. */
  readonly wrong?: string;
}

async function copyAll(
  subject: Subject,
  files: AsyncIterable<TrashedKey>,
  signal: AbortSignal | undefined,
): Promise<Copied> {
  let count = 0;
  try {
    for await (const file of files) {
      if (!(await hasRightBytes(subject, file, signal))) return { count, wrong: "it has other bytes." };
      if (await copyOne(subject, file, signal)) count += 1;
    }
  } catch (error) {
    // What the tombstone remembers is damaged, or was purged meanwhile: another source may serve.
    if (!isServiceError(error, "OBJECT_CORRUPT") && !isServiceError(error, "OBJECT_MISSING")) throw error;
    return { count, wrong: error.message };
  }
  return { count };
}

/** Answers false when there is nothing to copy. */
async function copyOne(
  { store: { driver } }: Subject,
  { at, path, versionId }: TrashedKey,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    await driver.copy(at, path, { ...(versionId === undefined ? {} : { versionId }), signal });
  } catch (error) {
    if (isServiceError(error, "OBJECT_MISSING")) return false;
    // Somebody else was first: what lies there is looked at, whoever wrote it.
    if (!isServiceError(error, "STORE_CONFLICT")) throw error;
  }
  return true;
}

/** Wrong bytes are never put at a live key, where nothing may take them away again. The files of a folder have no digests. */
async function hasRightBytes(
  { store: { config, driver }, path, object }: Subject,
  file: TrashedKey,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const hash = hashName(config, path);
  const { sha256 } = object;
  if (file.path !== path || (sha256 === undefined && hash === undefined)) return true;
  const { at, versionId } = file;
  const got = await driver.get(at, { ...(versionId === undefined ? {} : { versionId }), signal });
  if (got === undefined) return true;
  const found = await digestOf(got.body, signal);
  return (sha256 ?? found.sha256) === found.sha256 && (hash ?? found.hash) === found.hash;
}
