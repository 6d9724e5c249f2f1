/**
 * The write path of the object protocol (`docs/architecture.md`, "Objects"): look for equal content, reserve a key, put, verify; then, in the
 * transaction that writes the row, publish the new object or hold the existing one.
 *
 * No error path deletes bytes: what was reserved and never published expires, and the collector takes it from there.
 */

import type { StoredObject } from "../codec/contract.ts";
import type { Database } from "../db/contract.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import type { ObjectHead, Store, Stores } from "../store/contract.ts";
import type { ObjectWriter, StageBody, StagedObject, StageRequest } from "./contract.ts";
import {
  type ContentDigest,
  ContentDigestStream,
  contentDigestOf,
  type Digest,
  digestOf,
  digestOfBytes,
} from "./digest.ts";
import { dedupKey, EqualContents, findEqualContent } from "./equal-content.ts";
import type { FaultPoints } from "./fault-points.ts";
import { expired, maxLeaseMs, type Reservation, release, renew, reserve } from "./lease.ts";
import { locatorOf } from "./locator.ts";
import { canonicalHashPath, schemaPath, tokenHashPath } from "./object-path.ts";
import { publish, publishTogether } from "./publish.ts";
import { isSmall, PutSlots } from "./put-slots.ts";
import { Reservations } from "./reservations.ts";
import { stageTree } from "./tree-writer.ts";

/** What writing stands on. */
export interface WriterOptions {
  readonly db: Database;
  readonly stores: Stores;
  readonly faults: FaultPoints;
  /** Life of a reservation without a sign of life; renewed while bytes flow. */
  readonly leaseMs: number;
}

interface WriterContext extends WriterOptions {
  readonly reservations: Reservations;
  readonly contents: EqualContents;
  readonly slots: PutSlots;
}

/** A put of one body, wherever a free key is found. */
interface Task {
  readonly store: Store;
  readonly request: StageRequest;
  readonly source: () => AsyncIterable<Uint8Array>;
  readonly paths: readonly (() => string)[];
  /** Known before the put for hash-addressed objects. */
  readonly expected?: Digest;
  /** The body, where it is one piece that cannot change between two readings. */
  readonly fixed: Uint8Array | undefined;
}

/** Keys tried after the first, before giving up. */
const furtherKeys = 8;

/** The write side, but for bytes that uploads bring. */
export function createWriter(options: WriterOptions): Omit<ObjectWriter, "stageUpload"> {
  const { db } = options;
  const context: WriterContext = {
    ...options,
    reservations: new Reservations(db),
    contents: new EqualContents(db),
    slots: new PutSlots(),
  };
  return {
    stage: (request, body) => stage(context, request, body),
    publish: (transaction, staged) => publish(transaction, staged),
    publishNew: (transaction, staged) => publishTogether(transaction, staged),
    outcome: (staged) => outcome(db, staged),
  };
}

async function stage(context: WriterContext, request: StageRequest, body: StageBody): Promise<StagedObject> {
  const store = context.stores.get(request.store);
  if (typeof body !== "function" && !(body instanceof Uint8Array)) {
    return stageTree({ ...context, slots: context.slots.of(store) }, { store, request, files: body });
  }
  const source = body instanceof Uint8Array ? () => once(body) : body;
  const fixed = body instanceof Uint8Array ? body : undefined;
  if (request.addressing === "hash") return stageHashed(context, { store, request, source, fixed });
  const path = (): string => schemaPath(store.config, request);
  return putAndVerify(context, {
    store,
    request,
    source,
    fixed,
    paths: Array.from({ length: furtherKeys }, () => path),
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function stageHashed(context: WriterContext, task: Omit<Task, "paths">): Promise<StagedObject> {
  const { store, request } = task;
  // The canonical key is for bytes whose digest we know beforehand: a peer trusts what it finds under it.
  const digest =
    task.fixed === undefined ? await digestOf(task.source(), request.signal) : digestOfBytes(task.fixed);
  const existing = await findEqual(context, request, digest);
  if (existing !== undefined) return existing;
  const token = (): string => tokenHashPath(store.config, request.schema, digest.hash);
  const canonical = (): string => canonicalHashPath(store.config, request.schema, digest.hash);
  const paths = [canonical, ...Array.from({ length: furtherKeys }, () => token)];
  return putAndVerify(context, { ...task, paths, expected: digest });
}

async function findEqual(
  context: WriterContext,
  request: StageRequest,
  digest: Digest,
): Promise<StagedObject | undefined> {
  const { store, signal } = request;
  const dedup = dedupKey(store, request.schema, digest.sha256);
  const found = await findEqualContent(context, { store, dedup, sizeBytes: digest.sizeBytes, signal });
  if (found === undefined) return undefined;
  const { locator, path } = found;
  const object = storedObject(request, { path, digest, hash: digest.hash, writtenAt: new Date() });
  return { schema: request.schema, locator, object, dedup };
}

async function putAndVerify(context: WriterContext, task: Task): Promise<StagedObject> {
  const { request, store } = task;
  for (let attempt = 0; attempt < task.paths.length; attempt++) {
    const reservation = await reserve(context.db, {
      store: request.store,
      paths: task.paths.slice(attempt),
      leaseMs: context.leaseMs,
      principal: request.principal,
      together: context.reservations,
    });
    await context.faults("reserve.after");
    const slots = context.slots.of(store, task.fixed);
    const put = await slots.run(() => putOnce(context, task, reservation), request.signal);
    if (put === undefined) continue;
    const { digest } = put;
    const head = await verify(task, reservation.path, put);
    await context.faults("verify.after");
    const isHashed = request.addressing === "hash";
    return {
      schema: request.schema,
      locator: locatorOf(request.store, reservation.path),
      object: storedObject(request, {
        path: reservation.path,
        digest,
        hash: task.expected?.hash,
        writtenAt: head.modifiedAt,
      }),
      uploadId: reservation.id,
      ...(isHashed ? { dedup: dedupKey(request.store, request.schema, digest.sha256) } : {}),
    };
  }
  throw new ServiceError(
    "STORE_CONFLICT",
    `The store ${store.config.name} has bytes under every key tried.`,
    {
      details: { field: request.column, remedy: "Try again." },
    },
  );
}

/** What was sent, and what the store answered. */
interface Put {
  readonly digest: ContentDigest;
  readonly stored: ObjectHead;
}

/** Puts the body under the reserved key; `undefined` when somebody else's bytes lie there, so that another key is needed. */
async function putOnce(
  context: WriterContext,
  task: Task,
  reservation: Reservation,
): Promise<Put | undefined> {
  await context.faults("put.before");
  // A store that is told the digest compares it, and need not be asked for the size afterwards.
  const known =
    task.fixed && (task.expected ?? (isSmall(task.fixed) ? contentDigestOf(task.fixed) : undefined));
  const sizeBytes = (known ?? task.expected)?.sizeBytes;
  const digest = known === undefined ? new ContentDigestStream() : undefined;
  const options = {
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    // Bytes that may differ at the second reading are told by their own name, in `verify`.
    ...(known === undefined ? {} : { sha256: known.sha256 }),
    ...(task.request.signal === undefined ? {} : { signal: task.request.signal }),
  };
  let stored: ObjectHead;
  try {
    const body = watched(context, { task, reservation, digest });
    stored = await task.store.driver.put(reservation.path, body, options);
  } catch (error) {
    if (!isServiceError(error, "STORE_CONFLICT")) throw error;
    // The bytes there are not ours: the reservation must not lead the reaper to them.
    await release(context.db, reservation.id);
    return undefined;
  }
  await context.faults("put.complete-reply-lost");
  const sent = known ?? digest?.finish();
  return sent && { digest: sent, stored };
}

interface Watch {
  readonly task: Task;
  readonly reservation: Reservation;
  /** Absent where the digest is known already. */
  readonly digest: ContentDigestStream | undefined;
}

/** The body, hashed on its way; long puts keep their reservation alive. */
async function* watched(context: WriterContext, watch: Watch): AsyncGenerator<Uint8Array> {
  const began = Date.now();
  let renewed = began;
  let part = 0;
  for await (const chunk of watch.task.source()) {
    await context.faults(`put.part[${part++}]`);
    watch.digest?.update(chunk);
    yield chunk;
    const now = Date.now();
    if (now - renewed < context.leaseMs / 4) continue;
    if (now - began > maxLeaseMs) throw expired();
    await renew(context.db, watch.reservation.id, context.leaseMs);
    renewed = now;
  }
}

/**
 * The protocol's step 4: what arrived is what was sent. Digests are taken from the stream; the store's own digest is compared where it told
 * one with the put, and where it did not it is asked for the size.
 */
async function verify(task: Task, path: string, { digest, stored }: Put): Promise<ObjectHead> {
  if (task.expected !== undefined && task.expected.sha256 !== digest.sha256) {
    throw new ServiceError(
      "UPLOAD_MISMATCH",
      `The value of ${task.request.column} changed while it was written.`,
      {
        details: {
          field: task.request.column,
          remedy: "Write it again; a body must give the same bytes each time.",
        },
      },
    );
  }
  if (stored.sha256 === digest.sha256) return stored;
  if (stored.sha256 !== undefined) throw notAsSent(task, path, "other bytes than were written");
  const head = await task.store.driver.head(path, task.request.signal);
  if (head?.sizeBytes === digest.sizeBytes) return head;
  const what = `${head?.sizeBytes ?? "no"} bytes after ${digest.sizeBytes} were written`;
  throw notAsSent(task, path, what);
}

function notAsSent({ request }: Task, path: string, what: string): ServiceError {
  return new ServiceError("STORE_UNAVAILABLE", `The store ${request.store} has at ${path} ${what}.`, {
    details: { field: request.column, remedy: "Check the store, then try again." },
  });
}

function storedObject(
  request: StageRequest,
  facts: { path: string; digest: ContentDigest; hash?: string | undefined; writtenAt: Date },
): StoredObject {
  return {
    store: request.store,
    path: facts.path,
    schema: request.schema,
    sizeBytes: facts.digest.sizeBytes,
    sha256: facts.digest.sha256,
    ...(facts.hash === undefined ? {} : { hash: facts.hash }),
    ...(request.ext === undefined ? {} : { ext: request.ext }),
    isTree: false,
    writtenAt: facts.writtenAt,
  };
}

/** The protocol's step 6. A transaction that still runs holds the row's lock, so the answer waits for it. */
async function outcome(db: Database, staged: StagedObject): Promise<"committed" | "rolled back" | "unknown"> {
  if (staged.uploadId === undefined) return "unknown";
  const { rows } = await db.transaction(
    (transaction) =>
      transaction.query<{ used: boolean }>(
        "SELECT expires_at = '-infinity' AS used FROM holdfast.upload WHERE id = $1 FOR UPDATE",
        [staged.uploadId],
      ),
    { lockTimeoutMs: 30_000 },
  );
  const used = rows[0]?.used;
  if (used !== undefined) return used ? "committed" : "rolled back";
  // No reservation any more: published, or reaped long after it expired.
  const published = await db.query(
    "SELECT FROM holdfast.object WHERE locator = $1 AND verified_at IS NOT NULL",
    [staged.locator],
  );
  return published.rowCount > 0 ? "committed" : "unknown";
}
