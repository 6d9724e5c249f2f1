/**
 * The write path of the object protocol for folders that a codec writes: one key is reserved, every file goes below it and is verified, the
 * manifest last; then the folder waits for its transaction as one object. No error path deletes bytes.
 */

import type { EncodedFile } from "../codec/contract.ts";
import type { Database } from "../db/contract.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import type { ObjectHead, Store } from "../store/contract.ts";
import { checkPath } from "../store/path.ts";
import type { Slots } from "../store/slots.ts";
import type { CopiedFile, StagedObject, StageRequest } from "./contract.ts";
import { ContentDigestStream, contentDigestOf } from "./digest.ts";
import type { FaultPoints } from "./fault-points.ts";
import { expired, maxLeaseMs, type Reservation, release, renew, reserve } from "./lease.ts";
import { locatorOf } from "./locator.ts";
import { manifestBody, manifestPath } from "./manifest.ts";
import { schemaPath } from "./object-path.ts";
import type { Reservations } from "./reservations.ts";

interface TreeContext {
  readonly db: Database;
  readonly faults: FaultPoints;
  readonly leaseMs: number;
  readonly reservations: Reservations;
  /** Bounds what is on its way to the store. */
  readonly slots: Slots;
}

interface TreeTask {
  readonly store: Store;
  readonly request: StageRequest;
  readonly files: readonly EncodedFile[] | readonly CopiedFile[];
}

/** The same, as files that are written one way. */
interface TreeWrite extends Omit<TreeTask, "files"> {
  readonly files: readonly WrittenFile[];
}

/** `sha256` where the bytes are at hand. */
interface WrittenFile extends CopiedFile {
  readonly sha256?: string;
}

/** Keys tried before giving up. */
const keysTried = 8;
/** Files of one folder that are on their way at once. */
const filesAtOnce = 8;

/** Steps 1–4 for a folder. @throws {CONFIG_INVALID} for what is no folder, or cannot lie where it should. */
export async function stageTree(context: TreeContext, task: TreeTask): Promise<StagedObject> {
  const { request, store } = task;
  const files = checkFiles(task);
  for (let attempt = 0; attempt < keysTried; attempt++) {
    const reservation = await reserve(context.db, {
      store: request.store,
      paths: Array.from({ length: keysTried }, () => () => schemaPath(store.config, request)),
      leaseMs: context.leaseMs,
      principal: request.principal,
      together: context.reservations,
    });
    await context.faults("reserve.after");
    const head = await putFiles(context, { ...task, files }, reservation);
    if (head === undefined) continue;
    await context.faults("verify.after");
    return {
      schema: request.schema,
      locator: locatorOf(request.store, reservation.path),
      object: {
        store: request.store,
        path: reservation.path,
        schema: request.schema,
        sizeBytes: sizeOf(files),
        ...(request.ext === undefined ? {} : { ext: request.ext }),
        isTree: true,
        itemCount: files.length,
        writtenAt: head.modifiedAt,
      },
      uploadId: reservation.id,
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

/** The files in byte order of their paths. */
function checkFiles({ files: given, request }: TreeTask): readonly WrittenFile[] {
  const files = given.map((file) => ("bytes" in file ? written(file) : file));
  const paths = files.map(({ path }) => checkPath(path));
  const isFolder = paths.length > 0 && new Set(paths).size === paths.length;
  if (!isFolder || request.addressing !== "schema") {
    throw new ServiceError(
      "CONFIG_INVALID",
      `The codec of ${request.column} gives ${files.length} files; a folder has files of different paths, and a key of its own.`,
      { details: { field: request.column } },
    );
  }
  return files.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

function written({ path, bytes }: EncodedFile): WrittenFile {
  return { path, ...contentDigestOf(bytes), body: () => once(bytes) };
}

function sizeOf(files: readonly WrittenFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** Puts and verifies all files; `undefined` when somebody else's bytes lie under the key, so that another key is needed. */
async function putFiles(
  context: TreeContext,
  task: TreeWrite,
  reservation: Reservation,
): Promise<ObjectHead | undefined> {
  const [first, ...others] = task.files;
  if (first === undefined) return undefined;
  const lease = leaseOf(context, reservation);
  await context.faults("put.before");
  let head: ObjectHead;
  try {
    head = await putFile(context, task, { file: first, reservation, lease, part: 0 });
  } catch (error) {
    if (!isServiceError(error, "STORE_CONFLICT")) throw error;
    // The bytes there are not ours: the reservation must not lead the reaper to them.
    await release(context.db, reservation.id);
    return undefined;
  }
  for (let at = 0; at < others.length; at += filesAtOnce) {
    const batch = others.slice(at, at + filesAtOnce);
    const ended = await Promise.allSettled(
      batch.map((file, i) => putFile(context, task, { file, reservation, lease, part: at + i + 1 })),
    );
    const failed = ended.find((end) => end.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    await lease();
  }
  await putManifest(task, reservation, head);
  await context.faults("put.complete-reply-lost");
  return head;
}

/** Keeps the reservation alive while files are put. */
function leaseOf({ db, leaseMs }: TreeContext, reservation: Reservation): () => Promise<void> {
  const began = Date.now();
  let renewed = began;
  return async () => {
    const now = Date.now();
    if (now - renewed < leaseMs / 4) return;
    if (now - began > maxLeaseMs) throw expired();
    await renew(db, reservation.id, leaseMs);
    renewed = now;
  };
}

interface FilePut {
  readonly file: WrittenFile;
  readonly reservation: Reservation;
  /** Keeps the reservation while bytes flow. */
  readonly lease: () => Promise<void>;
  readonly part: number;
}

/** The protocol's steps 3 and 4 for one file: what the store has is what was sent. */
async function putFile(
  context: TreeContext,
  { store, request }: TreeWrite,
  { file, reservation, lease, part }: FilePut,
): Promise<ObjectHead> {
  const { driver } = store;
  const { signal } = request;
  const path = checkPath(`${reservation.path}/${file.path}`);
  await context.faults(`put.part[${part}]`);
  const { sizeBytes, sha256 } = file;
  const options = {
    sizeBytes,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(signal === undefined ? {} : { signal }),
  };
  const digest = new ContentDigestStream();
  const body = sha256 === undefined ? () => watched(file, digest, lease) : file.body;
  const stored = await context.slots.run(() => driver.put(path, body(), options), signal);
  const sent = sha256 === undefined ? digest.finish() : { sizeBytes, sha256 };
  if (stored.sha256 === sent.sha256) return stored;
  const head = stored.sha256 === undefined ? await driver.head(path, signal) : undefined;
  if (head?.sizeBytes === sent.sizeBytes && sent.sizeBytes === sizeBytes) return head;
  throw new ServiceError(
    "STORE_UNAVAILABLE",
    `The store ${request.store} does not have at ${path} what was written there.`,
    { details: { field: request.column, remedy: "Check the store, then try again." } },
  );
}

async function* watched(
  file: WrittenFile,
  digest: ContentDigestStream,
  lease: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of file.body()) {
    digest.update(chunk);
    yield chunk;
    await lease();
  }
}

async function putManifest(task: TreeWrite, reservation: Reservation, head: ObjectHead): Promise<void> {
  const { driver } = task.store;
  const facts = {
    sizeBytes: sizeOf(task.files),
    itemCount: task.files.length,
    createdAt: head.modifiedAt.toISOString().replace("Z", "+00:00"),
  };
  const { signal } = task.request;
  await driver.put(manifestPath(reservation.path), manifestBody(entries(task.files), facts), { signal });
}

async function* entries(files: readonly WrittenFile[]) {
  for (const { path, sizeBytes } of files) yield { path, sizeBytes };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
