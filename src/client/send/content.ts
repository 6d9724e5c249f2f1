/** What a command is to send: a file, or a folder with all that is in it. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { ServiceError } from "../../errors.ts";

/** A file or folder that lies here. */
export interface Content {
  readonly root: string;
  readonly isTree: boolean;
  /** Of all files. */
  readonly sizeBytes: number;
  /** When a file was last changed, in milliseconds of the epoch; 0 for a folder. */
  readonly changedAt: number;
  readonly files: readonly LocalFile[];
}

/** One file of it. */
export interface LocalFile {
  /** Where it lies. */
  readonly path: string;
  /** Its path in the folder, with `/`; its name for a file alone. */
  readonly name: string;
  readonly sizeBytes: number;
}

/** @throws {NOT_FOUND} {BAD_USER_INPUT} for a folder without files, or with something that is no file. */
export async function contentOf(path: string): Promise<Content> {
  const about = await stat(path).catch((cause: unknown) => {
    throw new ServiceError("NOT_FOUND", `${path} cannot be read.`, { cause, details: { value: path } });
  });
  if (!about.isDirectory()) {
    const file = { path, name: basename(path), sizeBytes: about.size };
    return { root: path, isTree: false, sizeBytes: about.size, changedAt: about.mtimeMs, files: [file] };
  }
  const files = await filesBelow(path);
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  if (files.length > 0) return { root: path, isTree: true, sizeBytes, changedAt: 0, files };
  throw new ServiceError("BAD_USER_INPUT", `The folder ${path} has no files.`, { details: { value: path } });
}

/** @throws {BAD_USER_INPUT} for anything that is neither file nor folder: nothing is left out silently. */
async function filesBelow(folder: string): Promise<LocalFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const odd = entries.find((entry) => !entry.isFile() && !entry.isDirectory());
  if (odd !== undefined) {
    const path = join(odd.parentPath, odd.name);
    throw new ServiceError("BAD_USER_INPUT", `${path} is neither a file nor a folder.`, {
      details: { value: path, remedy: "Replace links by what they lead to, or leave it out." },
    });
  }
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files: LocalFile[] = [];
  for (const path of paths.sort()) {
    const name = relative(folder, path).split(sep).join("/");
    files.push({ path, name, sizeBytes: (await stat(path)).size });
  }
  return files;
}

/** SHA-256 of a file, 64 hex digits. */
export async function digestOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { signal });
  return hash.digest("hex");
}
