/** The rows of one resumable upload: what is durable, and which request may go on. */

import { randomUUID } from "node:crypto";
import type { Database } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import type { Piece } from "../store/contract.ts";
import type { DigestStates } from "./resume-digest.ts";
import type { UploadRecord } from "./upload-record.ts";

/** A writer that shows no progress for so long may be taken for dead. */
export const writerMs = 5_000;

/** What is durable. */
export interface Resumption {
  /** In the store: what `begin` answered. */
  readonly handle: string | undefined;
  readonly epoch: number;
  /** Stored bytes, prefix included, pieces and tail together. */
  readonly received: number;
  readonly states: DigestStates | undefined;
  readonly pieceCount: number;
  /** Bytes behind the last piece. */
  readonly tailBytes: number;
}

interface Row {
  handle: string | null;
  epoch: number;
  received: string;
  sha256: Buffer | null;
  md5: Buffer | null;
  content: Buffer | null;
  pieces: number;
  tail: number;
}

/** Makes `writer` the only one. Answers nothing while another one is at work. */
export async function claim(
  db: Database,
  record: UploadRecord,
  writer: string,
): Promise<Resumption | undefined> {
  const { rows } = await db.query<Row>(
    `INSERT INTO holdfast.upload_resume AS r (upload, store, path, writer, writer_until)
     VALUES ($1, $2, $3, $4, clock_timestamp() + $5::float8 * interval '1 ms')
     ON CONFLICT (upload) DO UPDATE SET writer = excluded.writer, writer_until = excluded.writer_until, epoch = r.epoch + 1
       WHERE r.writer IS NULL OR r.writer_until < clock_timestamp()
     RETURNING handle, epoch, received::text AS received, sha256, md5, content_sha256 AS content,
       (SELECT count(*)::int FROM holdfast.upload_piece WHERE upload = $1) AS pieces,
       (SELECT coalesce(sum(octet_length(bytes)), 0)::int FROM holdfast.upload_tail WHERE upload = $1) AS tail`,
    [record.id, record.store, record.path, writer, writerMs],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  const { sha256, md5, content } = row;
  return {
    handle: row.handle ?? undefined,
    epoch: row.epoch,
    received: Number(row.received),
    states: sha256 === null ? undefined : { sha256, md5: md5 ?? undefined, content: content ?? undefined },
    pieceCount: row.pieces,
    tailBytes: row.tail,
  };
}

/** Prolongs the claim, and notes what `begin` answered. Answers whether it still holds. */
export async function renew(db: Database, id: string, writer: string, handle?: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE holdfast.upload_resume SET writer_until = clock_timestamp() + $3::float8 * interval '1 ms', handle = coalesce($4, handle)
     WHERE upload = $1 AND writer = $2`,
    [id, writer, writerMs, handle ?? null],
  );
  return rowCount === 1;
}

/** Lets the next writer begin at once. */
export async function release(db: Database, id: string, writer: string): Promise<void> {
  await db.query(
    "UPDATE holdfast.upload_resume SET writer = NULL, writer_until = NULL WHERE upload = $1 AND writer = $2",
    [id, writer],
  );
}

/** What has become durable since the last time. */
export interface Progress {
  readonly received: number;
  readonly states: DigestStates;
  readonly pieces: readonly Piece[];
  /** Stored bytes that lie in pieces. */
  readonly stored: number;
  readonly tail?: { readonly at: number; readonly bytes: Uint8Array };
}

/** Notes progress. Answers whether the claim still holds; nothing is noted where it does not. */
export async function note(db: Database, id: string, writer: string, progress: Progress): Promise<boolean> {
  const { received, states, stored, tail } = progress;
  const pieces = progress.pieces.filter(({ tag }) => tag !== "");
  const { rows } = await db.query<{ held: boolean }>(
    `WITH r AS (UPDATE holdfast.upload_resume SET received = $3, sha256 = $4, md5 = $5, content_sha256 = $6,
         writer_until = clock_timestamp() + $7::float8 * interval '1 ms' WHERE upload = $1 AND writer = $2 RETURNING upload),
       p AS (INSERT INTO holdfast.upload_piece (upload, number, size, tag)
         SELECT r.upload, t.* FROM r, unnest($8::int[], $9::int[], $10::text[]) t),
       gone AS (DELETE FROM holdfast.upload_tail t USING r WHERE t.upload = r.upload AND t.at < $11),
       more AS (INSERT INTO holdfast.upload_tail (upload, at, bytes)
         SELECT r.upload, $12::bigint, $13::bytea FROM r WHERE $12::bigint IS NOT NULL)
     SELECT EXISTS (SELECT FROM r) AS held`,
    [
      id,
      writer,
      received,
      states.sha256,
      states.md5 ?? null,
      states.content ?? null,
      writerMs,
      pieces.map(({ number }) => number),
      pieces.map(({ sizeBytes }) => sizeBytes),
      pieces.map(({ tag }) => tag),
      stored,
      tail?.at ?? null,
      tail?.bytes ?? null,
    ],
  );
  return rows[0]?.held === true;
}

/** The bytes behind the last piece. */
export async function tailOf(db: Database, id: string): Promise<Buffer> {
  const { rows } = await db.query<{ bytes: Buffer }>(
    "SELECT bytes FROM holdfast.upload_tail WHERE upload = $1 ORDER BY at",
    [id],
  );
  return Buffer.concat(rows.map(({ bytes }) => bytes));
}

/** Pieces that the store has named, in order. */
export async function piecesOf(db: Database, id: string): Promise<Piece[]> {
  const { rows } = await db.query<Piece>(
    `SELECT number, size AS "sizeBytes", tag FROM holdfast.upload_piece WHERE upload = $1 ORDER BY number`,
    [id],
  );
  return rows;
}

/** Forgets what was received. */
export async function forget(db: Database, id: string, writer: string): Promise<void> {
  await db.query("DELETE FROM holdfast.upload_resume WHERE upload = $1 AND writer = $2", [id, writer]);
}

/** Has whatever is found at the path then cleaned once more in a minute. */
export async function cleanAgain(db: Database, id: string, writer: string): Promise<void> {
  await db.query(
    "UPDATE holdfast.upload_resume SET handle = NULL, writer_until = clock_timestamp() + interval '1 min' WHERE upload = $1 AND writer = $2",
    [id, writer],
  );
}

/** What `writer` writes to; nothing when it has lost its claim. */
export async function takenBy(
  db: Database,
  id: string,
  writer: string,
): Promise<{ readonly handle: string | null; readonly epoch: number } | undefined> {
  const { rows } = await db.query<{ handle: string | null; epoch: number }>(
    "SELECT handle, epoch FROM holdfast.upload_resume WHERE upload = $1 AND writer = $2",
    [id, writer],
  );
  return rows[0];
}

/** What is to be cleaned in a store. */
export interface Leftover {
  /** Whether the upload itself is over, so that nothing may be on its way to its key. */
  readonly dead: boolean;
  /** Whether a request was writing when it was taken over: what that has under way may reach the store after all. */
  readonly live: boolean;
  readonly upload: string;
  readonly store: string;
  readonly path: string;
  readonly handle: string | null;
  readonly epoch: number;
}

/** Takes over what no upload will go on with: `id` whoever writes it, or some, of a store, that have expired or were received otherwise. */
export async function takeLeftovers(
  db: Database,
  { id, store }: { readonly id?: string; readonly store?: string | undefined },
): Promise<{ readonly writer: string; readonly found: readonly Leftover[] }> {
  const writer = randomUUID();
  const which =
    id === undefined
      ? `SELECT r.upload FROM holdfast.upload_resume r LEFT JOIN holdfast.upload_detail d ON d.id = r.upload
           LEFT JOIN holdfast.upload u ON u.id = r.upload
         WHERE (r.writer IS NULL OR r.writer_until < clock_timestamp())
           AND (d.state IS DISTINCT FROM 'OPEN' OR u.id IS NULL OR u.expires_at <= clock_timestamp()) AND ($2::text IS NULL OR r.store = $2)
         LIMIT 100 FOR UPDATE OF r SKIP LOCKED`
      : "SELECT $2::uuid";
  const { rows } = await db.query<Leftover>(
    `UPDATE holdfast.upload_resume r SET epoch = r.epoch + 1, writer = $1, writer_until = clock_timestamp() + interval '10 min'
     FROM (SELECT upload, coalesce(writer_until > clock_timestamp(), false) AS live FROM holdfast.upload_resume
       WHERE upload IN (${which}) FOR UPDATE) AS old
     WHERE r.upload = old.upload RETURNING r.upload, r.store, r.path, r.handle, r.epoch, old.live,
       NOT EXISTS (SELECT FROM holdfast.upload u WHERE u.id = r.upload AND u.expires_at > clock_timestamp()) AS dead`,
    [writer, id ?? store ?? null],
  );
  return { writer, found: rows };
}

/** What a request is told while another one sends. */
export function locked(record: UploadRecord): ServiceError {
  return new ServiceError("CONFLICT", `Another request is sending bytes of the upload for ${record.field}.`, {
    details: { field: "upload", httpStatus: 423, remedy: "Wait for its end, then ask where to go on." },
  });
}
