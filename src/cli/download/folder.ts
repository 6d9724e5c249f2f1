/** A folder of a data URL to a local folder: all of its files, or no folder; what has arrived is kept beside it until then. */

import { createHash } from "node:crypto";
import { appendFile, mkdir, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { eachAtOnce } from "../../client/each.ts";
import { retrying } from "../../client/retry.ts";
import { ServiceError } from "../../errors.ts";
import { type DownloadOptions, download, type Written } from "./file.ts";
import { exists } from "./place.ts";
import { DataSource, type LivingUrl } from "./source.ts";

/** A file of the folder, as the service lists it. */
export interface ListedFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** Requests at a time for one large file of a folder, whose files come many at a time. */
const piecesOfOne = 2;

/** What is fetched. */
export interface FolderRequest {
  readonly url: LivingUrl;
  readonly files: readonly ListedFile[];
  /** The local folder. */
  readonly to: string;
  readonly options: Omit<DownloadOptions, "progress"> & {
    readonly progress: (done: number, total: number, next: string) => void;
  };
}

/**
 * Fetches a folder.
 * @throws {CONFLICT} when the local folder has something in it and `force` is not set; with `force` files of the same names are replaced
 * and others stay.
 */
export async function downloadFolder(request: FolderRequest): Promise<Written[]> {
  const { files, to, options } = request;
  if (!options.force && !(await isFree(to))) throw exists(to);
  const staging = new Staging(stagingOf(to));
  if (!options.resume) await staging.drop();
  const done = await staging.open();
  const sizes = new Map(files.map(({ path, sizeBytes }) => [path, sizeBytes]));
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const arrived = new Map<string, number>();
  let sum = 0;
  const found: Written[] = [];
  await eachAtOnce(files, { width: options.parallel, signal: options.signal }, async ({ path }, signal) => {
    const tell = (bytes: number): void => {
      sum += bytes - (arrived.get(path) ?? 0);
      arrived.set(path, bytes);
      options.progress(sum, total, path);
    };
    const one: OneFile = {
      path,
      etag: done.get(path),
      options: { ...options, force: false, parallel: piecesOfOne, signal, progress: tell },
    };
    const written = await fetchOne(request, staging, one);
    tell(sizes.get(path) ?? written.bytes);
    found.push({ ...written, path: join(to, ...safeParts(path)) });
  });
  await staging.moveTo(to, options.force);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Where the files of an unfinished folder lie. */
export function stagingOf(to: string): string {
  return `${resolve(to)}.part`;
}

interface OneFile {
  readonly path: string;
  /** ETag of the copy that an earlier run has brought. */
  readonly etag: string | undefined;
  readonly options: DownloadOptions;
}

async function fetchOne({ url }: FolderRequest, staging: Staging, file: OneFile): Promise<Written> {
  const { path, etag, options } = file;
  const source = new DataSource(url, path);
  const at = staging.fileOf(path);
  const { signal } = options;
  if (etag !== undefined) {
    const ask = { span: [0, 1], ifNoneMatch: etag, signal } as const;
    const same = await retrying(() => source.ask(ask), signal);
    await same.body?.cancel();
    if (same.status === 304) return { path: at, bytes: (await stat(at)).size, etag };
    await rm(at, { force: true });
  }
  const written = await download(source, { path: at, partial: staging.partialOf(path) }, options);
  if (written.etag !== undefined) await staging.note(path, written.etag);
  return written;
}

/** `<folder>.part`: files that have arrived, files that are arriving, and a list of the former. */
class Staging {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  fileOf(path: string): string {
    return join(this.#root, "files", ...safeParts(path));
  }

  /** Not beside the file: a folder may have files of any name. */
  partialOf(path: string): string {
    return join(this.#root, "partial", createHash("sha256").update(path).digest("hex").slice(0, 32));
  }

  get #list(): string {
    return join(this.#root, "arrived.jsonl");
  }

  /** What has arrived, path to ETag. Files that the list does not tell of are removed: nobody knows what they are of. */
  async open(): Promise<ReadonlyMap<string, string>> {
    await mkdir(join(this.#root, "files"), { recursive: true });
    const text = await readFile(this.#list, "utf8").catch(() => "");
    const told = new Map(text.split("\n").flatMap(entryOf));
    const known = new Map<string, string>();
    for (const file of await filesBelow(join(this.#root, "files"))) {
      const etag = told.get(file.split(sep).join("/"));
      if (etag === undefined) await rm(join(this.#root, "files", file));
      else known.set(file.split(sep).join("/"), etag);
    }
    return known;
  }

  async note(path: string, etag: string): Promise<void> {
    await appendFile(this.#list, `${JSON.stringify([path, etag])}\n`);
  }

  async moveTo(to: string, force: boolean): Promise<void> {
    await mkdir(dirname(to), { recursive: true });
    const files = join(this.#root, "files");
    if (await isFree(to)) {
      await rmdir(to).catch(() => undefined);
      await rename(files, to);
    } else if (force) {
      for (const file of await filesBelow(files)) {
        await mkdir(dirname(join(to, file)), { recursive: true });
        await rename(join(files, file), join(to, file));
      }
    } else throw exists(to);
    await this.drop();
  }

  async drop(): Promise<void> {
    await rm(this.#root, { recursive: true, force: true });
  }
}

function entryOf(line: string): [string, string][] {
  try {
    const [path, etag]: unknown[] = JSON.parse(line);
    return typeof path === "string" && typeof etag === "string" ? [[path, etag]] : [];
  } catch {
    // The last line of a run that was killed.
    return [];
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

/** Nothing is there, or an empty folder. */
async function isFree(path: string): Promise<boolean> {
  return await readdir(path).then(
    (names) => names.length === 0,
    (error: NodeJS.ErrnoException) => error.code === "ENOENT",
  );
}

/** A name from a server must not lead out of the folder that the user named. */
function safeParts(path: string): string[] {
  const parts = path.split("/");
  const isBad = (part: string) => part === "" || part === "." || part === ".." || /[\\:\0]/.test(part);
  if (!parts.some((part) => (process.platform === "win32" ? isBad(part) : isUnsafe(part)))) return parts;
  throw new ServiceError("OBJECT_CORRUPT", `The folder has a file that cannot be written here: ${path}`, {
    details: { value: path },
  });
}

function isUnsafe(part: string): boolean {
  return part === "" || part === "." || part === ".." || part.includes("\0");
}
