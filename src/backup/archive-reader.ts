/**
 * Reads the tar archive of a backup from its begin to its end, and refuses what is not, byte for byte, what was written: each entry's
 * digest against the list that follows it, all bytes against the digest in the last entry, and that one against what it must look like.
 */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { type Extract, extract, type Header } from "tar-stream";
import { isServiceError, ServiceError } from "../errors.ts";
import { type BackupEnd, digestsFolder, endName } from "./format.ts";
import { LaggingDigest } from "./lagging-digest.ts";
import { signed, tailOf } from "./tail.ts";

/** One entry; what is not read of its body is passed over. */
export interface Entry {
  readonly name: string;
  /** Name of the entry before that has the content. */
  readonly linkTo?: string;
  readonly sizeBytes: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Every entry but the digests and the end, which it answers. Who does not read to the end must `return` it, as `for await` does.
 * @throws {BACKUP_INVALID} naming what is wrong, {NOT_FOUND} when there is no file.
 */
export async function* readArchive(path: string, signal?: AbortSignal): AsyncGenerator<Entry, BackupEnd> {
  const file = await openFile(path);
  const tar = extract();
  // Told by the iteration as well.
  tar.on("error", () => undefined);
  const whole = new LaggingDigest();
  const feeding = feed(path, { tar, whole, signal });
  try {
    return yield* new Reading(path, { file, whole, signal }).entries(tar);
  } catch (error) {
    throw faultOf(path, error, signal);
  } finally {
    tar.destroy();
    await feeding;
    await file.close();
  }
}

interface Feeding {
  readonly tar: Extract;
  readonly whole: LaggingDigest;
  readonly signal: AbortSignal | undefined;
}

/** Never rejects: what goes wrong ends the iteration. */
async function feed(path: string, { tar, whole, signal }: Feeding): Promise<void> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024, signal })) {
      if (tar.destroyed) return;
      whole.pass(chunk);
      if (!tar.write(chunk)) await drained(tar);
    }
    tar.end(undefined);
  } catch (error) {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

function drained(tar: Extract): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      tar.off("drain", done);
      tar.off("close", done);
      resolve();
    };
    tar.on("drain", done);
    tar.on("close", done);
  });
}

/** One pass over a file. */
class Reading {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #whole: LaggingDigest;
  readonly #signal: AbortSignal | undefined;
  #entries = 0;
  /** Lines of the entries since the last list. */
  #lines: string[] = [];
  /** The last entry that was no link. */
  #content = { name: "", sha256: "" };

  constructor(
    path: string,
    { file, whole, signal }: { file: FileHandle; whole: LaggingDigest; signal: AbortSignal | undefined },
  ) {
    this.#path = path;
    this.#file = file;
    this.#whole = whole;
    this.#signal = signal;
  }

  async *entries(tar: Extract): AsyncGenerator<Entry, BackupEnd> {
    for await (const source of tar) {
      const { header } = source;
      const { name } = header;
      const start = bodyStart(header);
      if (name === endName) return await this.#end(start, await textOf(source as AsyncIterable<Uint8Array>));
      const digest = createHash("sha256");
      const body = this.#body(source as AsyncIterable<Uint8Array>, { start, digest });
      if (name.startsWith(digestsFolder)) {
        this.#compare(await textOf(body));
        continue;
      }
      const handed = handedOut(body);
      yield entryOf(header, handed.part);
      await handed.rest();
      this.#list(header, digest.digest("hex"));
    }
    throw damaged(this.#path, "it ends too early");
  }

  async *#body(
    source: AsyncIterable<Uint8Array>,
    { start, digest }: { readonly start: number; readonly digest: { update(chunk: Uint8Array): unknown } },
  ): AsyncGenerator<Uint8Array> {
    let at = start;
    this.#whole.upTo(at);
    try {
      for await (const chunk of source) {
        digest.update(chunk);
        at += chunk.length;
        this.#whole.upTo(at);
        yield chunk;
      }
    } catch (error) {
      throw faultOf(this.#path, error, this.#signal);
    }
  }

  /** A link follows the content that it names, or another link to it. */
  #list({ name, type, linkname }: Header, sha256: string): void {
    if (type !== "link") this.#content = { name, sha256 };
    else if (linkname !== this.#content.name) throw damaged(this.#path, `${name} names no content before it`);
    this.#entries += 1;
    this.#lines.push(`${this.#content.sha256}  ${name}\n`);
  }

  #compare(told: string): void {
    const lines = this.#lines;
    this.#lines = [];
    if (told === lines.join("")) return;
    const should = told.split("\n");
    const at = lines.findIndex((line, index) => line !== `${should[index]}\n`);
    const name = (lines[at] ?? should[lines.length] ?? "").slice(66).trimEnd();
    throw damaged(this.#path, `the entry ${name} is not what was written`);
  }

  async #end(start: number, text: string): Promise<BackupEnd> {
    const position = start - 512;
    this.#whole.upTo(position);
    // Compared with the file, byte for byte, before it is used.
    const { own, ...said } = JSON.parse(text) as BackupEnd;
    const end = own === undefined ? said : signed(said);
    const tail = await tailOf(end);
    const found = Buffer.alloc(tail.length + 1);
    const { bytesRead } = await this.#file.read(found, 0, found.length, position);
    if (bytesRead !== tail.length || !found.subarray(0, bytesRead).equals(tail))
      throw damaged(this.#path, "its end is not what was written");
    if (this.#lines.length > 0 || end.entries !== this.#entries || end.position !== position)
      throw damaged(this.#path, "entries are missing");
    if (end.sha256 !== this.#whole.hex()) throw damaged(this.#path, "bytes between its entries were changed");
    return end;
  }
}

function bodyStart(header: Header): number {
  // tar-stream tells it; its typings do not.
  return Number(Reflect.get(header, "byteOffset"));
}

function entryOf(header: Header, body: AsyncIterable<Uint8Array>): Entry {
  const { name, size: sizeBytes, linkname } = header;
  return { name, sizeBytes, body, ...(header.type === "link" && { linkTo: linkname }) };
}

/** A body of which the reader takes what it wants, and the rest is read afterwards: a tar archive is read in its order. */
function handedOut(body: AsyncGenerator<Uint8Array>) {
  async function* part(): AsyncGenerator<Uint8Array> {
    for (let next = await body.next(); next.done !== true; next = await body.next()) yield next.value;
  }
  const rest = async (): Promise<void> => {
    while ((await body.next()).done !== true);
  };
  return { part: part(), rest };
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    throw new ServiceError("NOT_FOUND", `The backup file ${path} cannot be read: ${reasonOf(cause)}.`, {
      details: { field: "file", value: path, remedy: "Name a file that holdfast backup has written." },
      cause,
    });
  }
}

/** The error for a file that is not as it was written. */
export function damaged(path: string, what: string, cause?: unknown): ServiceError {
  return new ServiceError("BACKUP_INVALID", `The backup file ${path} cannot be used: ${what}.`, {
    details: {
      file: path,
      remedy: "Copy it again from where it was written, or take another backup. Nothing was changed by it.",
    },
    cause,
  });
}

/** Whatever stopped the reading: the caller's wish, the disk, or the file. */
function faultOf(path: string, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  return isServiceError(error) || isSystemError(error) ? error : damaged(path, reasonOf(error), error);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\.$/, "") : String(error);
}

/** Of the disk, not of the file's content. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

/** Gives an archive back that is not read further. */
export async function closeArchive(entries: AsyncGenerator<Entry, BackupEnd>): Promise<void> {
  // Typed as what the generator would answer at its end.
  await (entries as AsyncGenerator<Entry, unknown>).return(undefined);
}
