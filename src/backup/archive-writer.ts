/** Writes the tar archive of a backup: each entry is digested as it passes, and the file appears whole or not at all. */

import { createHash } from "node:crypto";
import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type Header, type Pack, pack } from "tar-stream";
import { ServiceError } from "../errors.ts";
import { type BackupEnd, digestsFolder } from "./format.ts";
import { clearLeft, fileThere, partOf, takeName } from "./part-file.ts";
import { signed, tailOf } from "./tail.ts";

/** Lines of digests are written when they are so many bytes: a reader compares that much at a time. */
const digestsBytes = 1024 * 1024;

/** One entry to write. */
interface Body {
  readonly name: string;
  readonly sizeBytes: number;
  readonly body: AsyncIterable<Uint8Array>;
}

export class ArchiveWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #pack: Pack = pack();
  readonly #whole = createHash("sha256");
  readonly #writing: Promise<void>;
  #position = 0;
  #entries = 0;
  #lists = 0;
  #lines = "";
  #failure: unknown;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
    this.#writing = this.#drain().catch((error: unknown) => {
      this.#failure = error;
      this.#pack.destroy();
    });
  }

  /** Begins `path`, under another name until it is whole. @throws {CONFLICT} when there is such a file. */
  static async begin(path: string): Promise<ArchiveWriter> {
    const isThere = await stat(path).then(
      () => true,
      () => false,
    );
    if (isThere) throw fileThere(path);
    await clearLeft(path);
    const file = await open(partOf(path), "wx", 0o600).catch((cause: Error) => {
      throw new ServiceError("BAD_USER_INPUT", `${path} cannot be written: ${cause.message}.`, {
        details: { field: "file", value: path, remedy: "Name a file in a folder that can be written." },
        cause,
      });
    });
    return new ArchiveWriter(path, file);
  }

  /** Where the file lies until it is whole. */
  get partPath(): string {
    return partOf(this.#path);
  }

  /** Adds one entry of exactly `sizeBytes`; answers its SHA-256, hex. */
  async add({ name, sizeBytes, body }: Body): Promise<string> {
    const digest = createHash("sha256");
    const { sink, done } = this.#entry({ name, size: sizeBytes });
    for await (const chunk of body) {
      digest.update(chunk);
      if (!sink.write(chunk)) await drained(sink);
      this.#check();
    }
    sink.end(undefined);
    await done;
    return this.#listed(name, digest.digest("hex"));
  }

  /** Adds a small entry. */
  addText(name: string, text: string): Promise<string> {
    const bytes = Buffer.from(text);
    async function* body(): AsyncGenerator<Uint8Array> {
      if (bytes.length > 0) yield bytes;
    }
    return this.add({ name, sizeBytes: bytes.length, body: body() });
  }

  /** Adds a second name for the content of an entry before. */
  async link(name: string, { to, sha256 }: { readonly to: string; readonly sha256: string }): Promise<void> {
    await this.#entry({ name, type: "link", linkname: to }).done;
    await this.#listed(name, sha256);
  }

  /** Writes the end, and gives the file its name. */
  async finish(end: Omit<BackupEnd, "entries" | "position" | "sha256" | "own">): Promise<void> {
    await this.#flush();
    this.#pack.finalize();
    await this.#writing;
    this.#check();
    const position = this.#position;
    const sha256 = this.#whole.digest("hex");
    await this.#put(await tailOf(signed({ ...end, entries: this.#entries, position, sha256 })));
    await this.#file.sync();
    await this.#file.close();
    await takeName(this.#path);
    await syncFolder(dirname(this.#path));
  }

  /** Gives up: nothing is left. */
  async discard(): Promise<void> {
    this.#pack.destroy();
    await this.#writing;
    await this.#file.close().catch(() => undefined);
    await rm(partOf(this.#path), { force: true });
  }

  /** Digests of what is written so far. A reader learns of damage before it has read all. */
  async #flush(): Promise<void> {
    const lines = this.#lines;
    this.#lines = "";
    this.#lists += 1;
    if (lines !== "") await this.addText(digestsFolder + String(this.#lists).padStart(6, "0"), lines);
  }

  #entry(header: Pick<Header, "name"> & Partial<Header>) {
    this.#check();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settle = (error?: Error | null) => (error ? reject(error) : resolve());
    // The time of an entry says nothing here.
    const sink = this.#pack.entry({ ...header, mode: 0o600, mtime: new Date(0) }, settle);
    sink.on("error", () => undefined);
    const done = promise.catch((error: unknown) => {
      this.#check();
      throw error;
    });
    done.catch(() => undefined);
    return { sink, done };
  }

  async #drain(): Promise<void> {
    // The last two blocks are held back: they are the archive's end mark.
    let held = Buffer.alloc(0);
    for await (const chunk of this.#pack as AsyncIterable<Uint8Array>) {
      const all = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
      const keep = Math.min(1024, all.length);
      held = Buffer.from(all.subarray(all.length - keep));
      this.#whole.update(all.subarray(0, all.length - keep));
      await this.#put(all.subarray(0, all.length - keep));
    }
  }

  async #put(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.#position + at);
      at += bytesWritten;
    }
    this.#position += bytes.length;
  }

  #check(): void {
    if (this.#failure === undefined) return;
    const cause = this.#failure;
    throw new ServiceError("BAD_USER_INPUT", `${this.#path} cannot be written: ${textOf(cause)}.`, {
      details: { field: "file", value: this.#path, remedy: "Free some space there, or name another file." },
      cause,
    });
  }

  async #listed(name: string, sha256: string): Promise<string> {
    if (name.startsWith(digestsFolder)) return sha256;
    this.#entries += 1;
    this.#lines += `${sha256}  ${name}\n`;
    if (this.#lines.length >= digestsBytes) await this.#flush();
    return sha256;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync().catch(() => undefined);
  await handle.close();
}

/** Also when the stream ends: what has gone wrong is looked at next. */
function drained(sink: ReturnType<Pack["entry"]>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      sink.off("drain", done);
      sink.off("close", done);
      resolve();
    };
    sink.on("drain", done);
    sink.on("close", done);
  });
}
