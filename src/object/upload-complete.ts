/** Completing an upload: everything has arrived, lies in the store as it was received, and a folder has its manifest. */

import type { TreeEntry } from "../codec/contract.ts";
import type { Database, Transaction } from "../db/contract.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import type { StoreDriver } from "../store/contract.ts";
import { digestOf } from "./digest.ts";
import { manifestBody, manifestPath } from "./manifest.ts";
import { checkManifest } from "./upload-declared.ts";
import type { UploadContext } from "./upload-receive.ts";
import { loadUpload, type UploadRecord, usable } from "./upload-record.ts";

/** Completes the upload `id`; again is fine. @throws {UPLOAD_MISMATCH} when something declared or begun has not arrived. */
export async function complete(context: UploadContext, id: string): Promise<UploadRecord> {
  const record = await loadUpload(context.db, id);
  if (record.state === "COMPLETE") return record;
  usable(record);
  const { driver } = context.stores.get(record.store);
  if (record.kind === "FILE") await verifyFile(driver, record);
  else {
    const sealed = record.state === "SEALED" ? record : await seal(context.db, id);
    await verifyTree(context.db, driver, sealed);
    await writeManifest(context.db, driver, sealed);
  }
  await context.db.query(
    `UPDATE holdfast.upload_detail SET state = 'COMPLETE', written_at = coalesce(written_at, clock_timestamp())
     WHERE id = $1 AND state IN ('RECEIVED', 'SEALED')`,
    [id],
  );
  return usable(await loadUpload(context.db, id));
}

async function verifyFile(driver: StoreDriver, record: UploadRecord): Promise<void> {
  if (record.state === "OPEN") {
    const received = (record.sizeBytes ?? 0) - record.prefix.length;
    throw incomplete(record, received > 0 ? `has received only ${received} bytes` : "has received no bytes");
  }
  const head = await driver.head(record.path);
  if (head?.sizeBytes !== record.sizeBytes) throw changed(record, record.path);
}

/** Closes a folder for further files and sums it up. */
async function seal(db: Database, id: string): Promise<UploadRecord> {
  await db.transaction(async (transaction) => {
    await transaction.query("SELECT FROM holdfast.upload_detail WHERE id = $1 FOR UPDATE", [id]);
    const record = await loadUpload(transaction, id);
    if (record.state !== "OPEN") return;
    await checkManifest(transaction, record, { withParts: true });
    const sum = await sumUp(transaction, record);
    await transaction.query(
      "UPDATE holdfast.upload_detail SET state = 'SEALED', size = $2, item_count = $3 WHERE id = $1",
      [id, sum.sizeBytes, sum.itemCount],
    );
  });
  return loadUpload(db, id);
}

async function sumUp(
  transaction: Transaction,
  record: UploadRecord,
): Promise<{ sizeBytes: number; itemCount: number }> {
  const { rows } = await transaction.query<{ count: number; bytes: number; pending: string[] | null }>(
    `SELECT count(*)::int AS count, coalesce(sum(size), 0)::float8 AS bytes,
       (array_agg(path ORDER BY path) FILTER (WHERE sha256 IS NULL))[1:5] AS pending
     FROM holdfast.upload_file WHERE upload = $1`,
    [record.id],
  );
  const { count, bytes, pending } = rows[0] ?? { count: 0, bytes: 0, pending: null };
  if (count === 0) throw incomplete(record, "has received no files");
  if (pending !== null)
    throw incomplete(record, `was cut in ${pending.map((path) => JSON.stringify(path)).join(", ")}`);
  if (record.declaredBytes !== undefined && record.declaredBytes !== bytes) {
    throw incomplete(record, `has received ${bytes} bytes, but ${record.declaredBytes} were declared`);
  }
  return { sizeBytes: bytes, itemCount: count };
}

const pageSize = 5000;

/** The files of a folder as received, in byte order. */
async function* receivedFiles(db: Database, id: string): AsyncGenerator<TreeEntry> {
  for (let after = ""; ; ) {
    const { rows } = await db.query<{ path: string; size: string }>(
      "SELECT path, size::text AS size FROM holdfast.upload_file WHERE upload = $1 AND path > $2 ORDER BY path LIMIT $3",
      [id, after, pageSize],
    );
    for (const row of rows) yield { path: row.path, sizeBytes: Number(row.size) };
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return;
    after = last.path;
  }
}

/** Compares the store's listing with what was received, both in byte order. */
async function verifyTree(db: Database, driver: StoreDriver, record: UploadRecord): Promise<void> {
  const root = `${record.path}/`;
  const listed = driver.list(root)[Symbol.asyncIterator]();
  for await (const file of receivedFiles(db, record.id)) {
    const { value, done } = await listed.next();
    const same = done !== true && value.path === root + file.path && value.sizeBytes === file.sizeBytes;
    if (!same) throw changed(record, root + file.path);
  }
  const { value, done } = await listed.next();
  await listed.return?.();
  if (done !== true) throw changed(record, value.path);
}

async function writeManifest(db: Database, driver: StoreDriver, record: UploadRecord): Promise<void> {
  const facts = {
    sizeBytes: record.sizeBytes ?? 0,
    itemCount: record.itemCount ?? 0,
    createdAt: record.createdAt,
  };
  const body = (): AsyncIterable<Uint8Array> => manifestBody(receivedFiles(db, record.id), facts);
  const path = manifestPath(record.path);
  try {
    await driver.put(path, body());
  } catch (error) {
    if (!isServiceError(error, "STORE_CONFLICT")) throw error;
    // An earlier completion got this far. The manifest is the same each time, to the byte.
    const found = await driver.get(path);
    const [wanted, there] = [await digestOf(body()), found && (await digestOf(found.body))];
    if (wanted.sha256 !== there?.sha256) throw changed(record, path);
  }
}

function incomplete(record: UploadRecord, what: string): ServiceError {
  return new ServiceError("UPLOAD_MISMATCH", `The upload for ${record.field} ${what}.`, {
    details: { field: record.field, remedy: "Send what is missing, then complete it." },
  });
}

function changed(record: UploadRecord, path: string): ServiceError {
  return new ServiceError(
    "OBJECT_CORRUPT",
    `The store no longer has ${path} as the upload for ${record.field} brought it.`,
    {
      details: { field: record.field, value: path, remedy: "Check the store, then create another upload." },
    },
  );
}
