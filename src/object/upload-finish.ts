/**
 * Completing what went by parts: one process at a time puts it together, reads it back and records it, for as long as that takes. Callers wait
 * a while and are told VERIFYING when it takes longer; whoever asks again joins, or goes on with what a process that died has left.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ServiceError } from "../errors.ts";
import { Slots } from "../store/slots.ts";
import type { Digest } from "./digest.ts";
import { expired, maxLeaseMs } from "./lease.ts";
import { assemble, checkParts, type SentPart } from "./upload-assemble.ts";
import { complete } from "./upload-complete.ts";
import { checkManifest } from "./upload-declared.ts";
import { type PartFile, partFiles } from "./upload-parts.ts";
import type { UploadContext } from "./upload-receive.ts";
import { loadUpload, type UploadRecord, usable } from "./upload-record.ts";
import { readBack } from "./upload-verify.ts";

/** How long a completion without a sign of life keeps others from trying. */
const claimMs = 20_000;
/** Signs of life come this often. */
const beatMs = 5_000;
/** A reservation has at least this long to go while its upload is being completed, and so long remains for the row. */
const leaseMs = 3_600_000;
/** How long one call waits: less than what clients and proxies take for a dead connection. */
const defaultWaitMs = 25_000;
const lookMs = 300;
/** Objects that are read back at once, of all uploads; and files of one folder that are put together at once. */
const parallel = 4;

export interface FinishOptions {
  readonly tags?: readonly SentPart[];
  readonly signal?: AbortSignal;
}

/** The completions of one process. */
export class Completions {
  readonly #context: UploadContext;
  readonly #waitMs: number;
  readonly #me = randomUUID();
  readonly #running = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #reading = new Slots(parallel);

  constructor(context: UploadContext, waitMs = defaultWaitMs) {
    this.#context = context;
    this.#waitMs = waitMs;
  }

  /** Completes the upload `id`, or answers how far it is. @throws {UPLOAD_MISMATCH} {UPLOAD_EXPIRED} {STORE_UNAVAILABLE} */
  async finish(id: string, options: FinishOptions = {}): Promise<UploadRecord> {
    const { db } = this.#context;
    const { tags = [], signal } = options;
    const until = performance.now() + this.#waitMs;
    let isCompared = tags.length === 0;
    for (;;) {
      const record = await loadUpload(db, id);
      if (record.isUsed) return record;
      if (usable(record).state === "COMPLETE") return record;
      if (!record.isByParts) return complete(this.#context, id);
      if (!isCompared) await this.#compare(record, { tags, signal });
      isCompared = true;
      if (!this.#running.has(id)) await this.#begin(id);
      const task = this.#running.get(id);
      const left = until - performance.now();
      if (left <= 0) return record.isClaimed ? record : loadUpload(db, id);
      // Another process has it, or this one: look at what became of it.
      await soonest(task, task === undefined ? Math.min(lookMs, left) : left, signal);
    }
  }

  /** Stops what runs; the next call, here or elsewhere, goes on with it. */
  async close(): Promise<void> {
    this.#stop.abort(
      new ServiceError("SERVER_UNAVAILABLE", "The service is stopping.", {
        details: { remedy: "Complete the upload again when it is back." },
      }),
    );
    await Promise.allSettled(this.#running.values());
  }

  async #compare(
    record: UploadRecord,
    given: { readonly tags: readonly SentPart[]; readonly signal: AbortSignal | undefined },
  ): Promise<void> {
    const [file] = await partFiles(this.#context.db, record, "");
    if (file === undefined || file.isAssembled) return;
    await checkParts(this.#context, file, { sent: given.tags, signal: given.signal });
  }

  /** Takes the upload, if nobody has it, and starts. */
  async #begin(id: string): Promise<void> {
    this.#stop.signal.throwIfAborted();
    if (!(await this.#claim(id))) return;
    const task = this.#work(id).finally(() => this.#running.delete(id));
    // Who waits is told; perhaps nobody waits.
    task.catch(() => undefined);
    this.#running.set(id, task);
  }

  async #claim(id: string): Promise<boolean> {
    const { rowCount } = await this.#context.db.query(
      `UPDATE holdfast.upload_detail SET claim_by = $2, claim_until = clock_timestamp() + $3::float8 * interval '1 ms'
       WHERE id = $1 AND state <> 'COMPLETE' AND (claim_until IS NULL OR claim_until < clock_timestamp())`,
      [id, this.#me, claimMs],
    );
    return rowCount === 1;
  }

  /** A sign of life, for the claim and for the reservation. False when the upload has ended meanwhile, or is somebody else's now. */
  async #beat(id: string): Promise<boolean> {
    const { rowCount } = await this.#context.db.query(
      `WITH u AS (UPDATE holdfast.upload SET expires_at = greatest(expires_at, clock_timestamp() + $4::float8 * interval '1 ms')
         WHERE id = $1 AND expires_at > clock_timestamp() RETURNING expires_at)
       UPDATE holdfast.upload_detail SET expires_at = u.expires_at, claim_until = clock_timestamp() + $3::float8 * interval '1 ms'
       FROM u WHERE id = $1 AND claim_by = $2`,
      [id, this.#me, claimMs, Math.min(leaseMs, this.#context.uploadMs)],
    );
    return rowCount === 1;
  }

  async #release(id: string): Promise<void> {
    await this.#context.db.query(
      "UPDATE holdfast.upload_detail SET claim_by = NULL, claim_until = NULL WHERE id = $1 AND claim_by = $2",
      [id, this.#me],
    );
  }

  async #work(id: string): Promise<void> {
    const ended = new AbortController();
    const began = performance.now();
    const beat = async (): Promise<void> => {
      if (performance.now() - began > maxLeaseMs || !(await this.#beat(id))) ended.abort(expired());
    };
    // A beat that fails is followed by others; without any the reservation runs out, which the last step sees.
    const timer = setInterval(
      () => void beat().catch(() => undefined),
      Math.min(beatMs, this.#context.uploadMs / 4),
    );
    try {
      await beat();
      const signal = AbortSignal.any([ended.signal, this.#stop.signal]);
      signal.throwIfAborted();
      await this.#bring(await loadUpload(this.#context.db, id), signal);
    } finally {
      clearInterval(timer);
      // Otherwise it runs out by itself.
      await this.#release(id).catch(() => undefined);
    }
  }

  async #bring(record: UploadRecord, signal: AbortSignal): Promise<void> {
    const context = this.#context;
    const files = (await partFiles(context.db, record)).filter(({ isVerified }) => !isVerified);
    // What can still be mended is found before anything is made.
    if (record.state === "OPEN") await checkManifest(context.db, record, { withParts: false });
    await eachOf(files, async (file) => {
      if (!file.isAssembled) await checkParts(context, file, { signal });
    });
    await eachOf(files, async (file) => {
      await assemble(context, file, signal);
      const digest = await this.#reading.run(() => readBack(context, file, signal), signal);
      await context.faults("parts.verified");
      await (record.kind === "FILE"
        ? recordFile(context, record, digest)
        : recordInTree(context, file, digest));
    });
    if (record.kind === "TREE") await complete(context, record.id);
  }
}

/** Resolves when `task` is done or after `ms`. @throws what the task throws, or the signal's reason. */
async function soonest(
  task: Promise<void> | undefined,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const over = new AbortController();
  const ends = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  const pause = delay(ms, undefined, { signal: ends });
  try {
    await (task === undefined ? pause : Promise.race([task, pause]));
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    over.abort();
    pause.catch(() => undefined);
  }
}

/** A few at a time; after a failure nothing more is begun, and nothing runs any more when it is thrown. */
async function eachOf<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values();
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (const item of queue) {
      if (failures.length > 0) return;
      await work(item).catch((error: unknown) => void failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
}

async function recordFile(context: UploadContext, record: UploadRecord, digest: Digest): Promise<void> {
  const { rowCount } = await context.db.query(
    `UPDATE holdfast.upload_detail d SET state = 'COMPLETE', size = $2, sha256 = decode($3, 'hex'), md5 = convert_to($4, 'UTF8'),
       written_at = clock_timestamp()
     WHERE id = $1 AND state = 'OPEN' AND fault IS NULL
       AND EXISTS (SELECT FROM holdfast.upload u WHERE u.id = d.id AND u.expires_at > clock_timestamp())`,
    [record.id, digest.sizeBytes, digest.sha256, digest.hash],
  );
  if (rowCount === 0 && usable(await loadUpload(context.db, record.id)).state !== "COMPLETE") throw expired();
}

async function recordInTree(context: UploadContext, file: PartFile, digest: Digest): Promise<void> {
  await context.db.query(
    `WITH d AS (SELECT id FROM holdfast.upload_detail WHERE id = $1 AND state = 'OPEN' AND fault IS NULL FOR NO KEY UPDATE),
       file AS (INSERT INTO holdfast.upload_file (upload, path, size, sha256) SELECT d.id, $2, $3::bigint, decode($4, 'hex') FROM d
         ON CONFLICT (upload, path) DO NOTHING RETURNING size)
     UPDATE holdfast.upload_detail SET size = coalesce(upload_detail.size, 0) + file.size FROM file WHERE id = $1`,
    [file.upload.id, file.path, digest.sizeBytes, digest.sha256],
  );
}
