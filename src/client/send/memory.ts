/** Uploads that were begun, remembered in the user's cache folder, so that the same command goes on with them. */

import { createHash } from "node:crypto";
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Content } from "./content.ts";

/** What makes two commands the same upload. */
export interface UploadIdentity {
  /** The server, or the data folder of a private one. */
  readonly service: string;
  readonly content: Content;
  /** `Recording.traces` */
  readonly field: string;
  readonly key: Readonly<Record<string, unknown>>;
}

/** `$XDG_CACHE_HOME/holdfast/uploads`. */
function cacheFolder(): string {
  const base = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(base, "holdfast", "uploads");
}

/** What is remembered of one upload, so that another run can go on with it. */
export interface SendMemory {
  recall(): Promise<string | undefined>;
  keep(id: string): Promise<void>;
  parts(): Promise<Map<number, string>>;
  confirm(number: number, etag: string): Promise<void>;
  forget(): Promise<void>;
}

/** The memory of one upload. It holds its id, never a URL: whoever reads it gains no right. */
export class UploadMemory implements SendMemory {
  readonly #path: string;

  constructor({ service, content, field, key }: UploadIdentity) {
    const { root, isTree, sizeBytes, changedAt, files } = content;
    const what = [service, resolve(root), isTree, sizeBytes, changedAt, files.length, field, key];
    const name = createHash("sha256").update(JSON.stringify(what)).digest("hex").slice(0, 40);
    this.#path = join(cacheFolder(), `${name}.json`);
  }

  /** Id of the upload that was begun. */
  async recall(): Promise<string | undefined> {
    try {
      const { id }: Readonly<Record<string, unknown>> = JSON.parse(await readFile(this.#path, "utf8"));
      return typeof id === "string" ? id : undefined;
    } catch {
      return undefined;
    }
  }

  async keep(id: string): Promise<void> {
    await mkdir(cacheFolder(), { recursive: true, mode: 0o700 });
    await forgetOld();
    await this.forget();
    const fresh = `${this.#path}.${process.pid}`;
    await writeFile(fresh, JSON.stringify({ id }), { mode: 0o600 });
    await rename(fresh, this.#path);
  }

  /**
   * Parts whose arrival the store has confirmed to us, number to ETag. A store may list a part whose request was cut, with other bytes than
   * were meant, so that what it lists is no proof.
   */
  async parts(): Promise<Map<number, string>> {
    const text = await readFile(this.#partsPath, "utf8").catch(() => "");
    const lines = text.split("\n").map((line) => /^(\d+) (\S+)$/.exec(line));
    return new Map(
      lines.flatMap((line) => (line === null ? [] : [[Number(line[1]), line[2] ?? ""] as const])),
    );
  }

  async confirm(number: number, etag: string): Promise<void> {
    await appendFile(this.#partsPath, `${number} ${etag}\n`, { mode: 0o600 });
  }

  async forget(): Promise<void> {
    await rm(this.#path, { force: true });
    await rm(this.#partsPath, { force: true });
  }

  get #partsPath(): string {
    return `${this.#path}.parts`;
  }
}

/** No upload lives longer than a day. */
const uselessAfterMs = 48 * 3_600_000;

async function forgetOld(): Promise<void> {
  for (const name of await readdir(cacheFolder())) {
    const path = join(cacheFolder(), name);
    const about = await stat(path).catch(() => undefined);
    if (about !== undefined && Date.now() - about.mtimeMs > uselessAfterMs) await rm(path, { force: true });
  }
}
