/** A file that is fetched in pieces, with a record of what has arrived, so that another run can go on. */

import { type FileHandle, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { ServiceError } from "../../errors.ts";
import { addSpan, areSpans, type Span, spanBytes } from "./spans.ts";

/** What the pieces are pieces of: bytes of another ETag are never put beside them. */
export interface PartOf {
  readonly etag: string;
  readonly sizeBytes: number;
}

interface PartRecord extends PartOf {
  readonly version: 1;
  readonly done: readonly Span[];
  /** Who writes it. */
  readonly pid: number;
  readonly host: string;
}

const saveEveryMs = 1000;

const recordOf = (path: string) => `${path}.json`;

/** The unfinished file at `path`. */
export class PartFile {
  readonly path: string;
  readonly of: PartOf;
  readonly #file: FileHandle;
  #done: readonly Span[];
  #saving: Promise<void> | undefined;
  #savedAt = performance.now();
  #later: NodeJS.Timeout | undefined;

  private constructor(path: string, opened: { of: PartOf; file: FileHandle; done: readonly Span[] }) {
    this.path = path;
    this.of = opened.of;
    this.#file = opened.file;
    this.#done = opened.done;
  }

  /** What an earlier run has left at `path`; `undefined` when that is nothing of use. @throws {CONFLICT} when it still runs. */
  static async resume(path: string): Promise<PartFile | undefined> {
    const record = await readRecord(path);
    if (record === undefined) return undefined;
    const { etag, sizeBytes, done } = record;
    const file = await open(path, "r+").catch(() => undefined);
    if (file === undefined) return undefined;
    if ((await file.stat()).size === sizeBytes) {
      const part = new PartFile(path, { of: { etag, sizeBytes }, file, done });
      await part.save();
      return part;
    }
    await file.close();
    return undefined;
  }

  /** Begins anew. @throws {CONFLICT} when another run is at it. */
  static async begin(path: string, of: PartOf): Promise<PartFile> {
    await PartFile.discard(path);
    const file = await open(path, "wx+");
    await file.truncate(of.sizeBytes);
    const part = new PartFile(path, { of, file, done: [] });
    await part.save();
    return part;
  }

  /** Removes what an earlier run has left. @throws {CONFLICT} when it still runs. */
  static async discard(path: string): Promise<void> {
    await readRecord(path);
    await dropPart(path);
  }

  get done(): readonly Span[] {
    return this.#done;
  }

  get doneBytes(): number {
    return spanBytes(this.#done);
  }

  async write(at: number, bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, written, bytes.length - written, at + written);
      written += bytesWritten;
    }
    this.#done = addSpan(this.#done, [at, at + bytes.length]);
    const wait = this.#savedAt + saveEveryMs - performance.now();
    // Perhaps nothing more comes for long: what has come is written down all the same.
    if (wait > 0) this.#later ??= setTimeout(() => this.#saveNow(), wait).unref();
    else this.#saveNow();
  }

  #saveNow(): void {
    clearTimeout(this.#later);
    this.#later = undefined;
    this.#savedAt = performance.now();
    // The next save tells what this one could not; a full disk shows in the write itself.
    this.save().catch(() => undefined);
  }

  /** Writes down what has arrived; only what is on the disk by then. */
  async save(): Promise<void> {
    await this.#saving?.catch(() => undefined);
    this.#saving = this.#save();
    await this.#saving;
  }

  async #save(): Promise<void> {
    const record: PartRecord = {
      version: 1,
      ...this.of,
      done: this.#done,
      pid: process.pid,
      host: hostname(),
    };
    await this.#file.datasync();
    const fresh = `${recordOf(this.path)}.new`;
    await writeFile(fresh, JSON.stringify(record));
    await rename(fresh, recordOf(this.path));
  }

  /** All bytes, in order. */
  read(): AsyncIterable<Uint8Array> {
    return this.#file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 });
  }

  /** Puts the file down, to be gone on with, or moved. */
  async close(): Promise<void> {
    clearTimeout(this.#later);
    await this.#saving?.catch(() => undefined);
    await this.#file.close();
  }
}

/** Removes an unfinished file and its record. */
export async function dropPart(path: string): Promise<void> {
  await rm(recordOf(path), { force: true });
  await rm(`${recordOf(path)}.new`, { force: true });
  await rm(path, { force: true });
}

/** @throws {CONFLICT} when a process of this machine is writing the file now. */
async function readRecord(path: string): Promise<PartRecord | undefined> {
  const text = await readFile(recordOf(path), "utf8").catch(() => undefined);
  const record = text === undefined ? undefined : parsed(text);
  if (record === undefined || record.host !== hostname() || !isOther(record.pid)) return record;
  throw new ServiceError("CONFLICT", `Process ${record.pid} is fetching ${path} now.`, {
    details: {
      value: path,
      remedy: `Wait for it; if it is no holdfast get, remove ${recordOf(path)}.`,
    },
  });
}

function isOther(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** A record that was not written by this version, or is damaged, is as good as none. */
function parsed(text: string): PartRecord | undefined {
  try {
    const record: Readonly<Record<string, unknown>> = JSON.parse(text);
    const { version, etag, sizeBytes, done, pid, host } = record;
    if (version !== 1 || typeof etag !== "string" || typeof pid !== "number" || typeof host !== "string")
      return undefined;
    if (typeof sizeBytes !== "number" || !areSpans(done, sizeBytes)) return undefined;
    return { version, etag, sizeBytes, done, pid, host };
  } catch {
    return undefined;
  }
}
