/** Looking at the bytes of one object, a file or a folder: are they there, how many, and are they the right ones? */

import { digestOf } from "../object/digest.ts";
import { manifestPath } from "../object/manifest.ts";
import type { ObjectHead, Store, StoreConfig, StoreDriver } from "../store/contract.ts";
import type { KnownObject } from "./known.ts";

/** Bytes that are there. */
export interface Present {
  readonly sizeBytes: number;
  readonly isTree: boolean;
  readonly versionId?: string;
}

/** What is wrong with bytes that are there. */
export interface Wrong {
  readonly kind: "SIZE" | "DIGEST";
  readonly message: string;
}

/** What a look at all the bytes has found. */
export interface Examined extends Present {
  /** Of a file. */
  readonly sha256?: string;
  /** Bytes that were read. */
  readonly readBytes: number;
  readonly wrong?: Wrong;
}

/** The bytes at `path`, or below it. @returns `undefined` when there are none. */
export async function bytesOf(
  driver: StoreDriver,
  path: string,
  signal?: AbortSignal,
): Promise<Present | undefined> {
  const head = await driver.head(path, signal);
  if (head !== undefined) {
    const { sizeBytes, versionId } = head;
    return { sizeBytes, isTree: false, ...(versionId === undefined ? {} : { versionId }) };
  }
  let files = 0;
  let sizeBytes = 0;
  for await (const file of driver.list(`${path}/`, { signal })) {
    files += 1;
    sizeBytes += file.sizeBytes;
  }
  return files === 0 ? undefined : { sizeBytes, isTree: true };
}

/** Whether there is anything at `path` or below it: one request for a file, one more for a folder. */
export async function isThere(driver: StoreDriver, path: string, signal?: AbortSignal): Promise<boolean> {
  if ((await driver.head(path, signal)) !== undefined) return true;
  for await (const _ of driver.list(`${path}/`, { signal })) return true;
  return false;
}

/**
 * Reads all bytes at `path` and holds them against what was recorded, against the name of a canonical path, and a folder against its
 * manifest. Bytes that change meanwhile are an error of the store, not a verdict. @returns `undefined` when there are none.
 */
export async function examine(
  { config, driver }: Store,
  path: string,
  recorded: Partial<Pick<KnownObject, "sizeBytes" | "sha256">>,
  signal?: AbortSignal,
): Promise<Examined | undefined> {
  const got = await driver.get(path, { signal });
  if (got === undefined) return examineTree(driver, path, recorded, signal);
  const found = await digestOf(got.body, signal);
  const { versionId } = got.head;
  const name = hashName(config, path);
  const wrong =
    sizeWrong(recorded.sizeBytes, found.sizeBytes) ??
    digestWrong("SHA-256", recorded.sha256, found.sha256) ??
    digestWrong("MD5", name, found.hash);
  return {
    sizeBytes: found.sizeBytes,
    isTree: false,
    sha256: found.sha256,
    readBytes: found.sizeBytes,
    ...(versionId === undefined ? {} : { versionId }),
    ...(wrong === undefined ? {} : { wrong }),
  };
}

function sizeWrong(recorded: number | undefined, found: number): Wrong | undefined {
  if (recorded === undefined || recorded === found) return undefined;
  return { kind: "SIZE", message: `It has ${found} bytes, but ${recorded} were recorded.` };
}

function digestWrong(name: string, recorded: string | undefined, found: string): Wrong | undefined {
  if (recorded === undefined || recorded === found) return undefined;
  return { kind: "DIGEST", message: `Its ${name} is ${found}, but it should be ${recorded}.` };
}

/** Each file is read to its end: a folder has no digest of its own, but a disk that fails is found. */
async function examineTree(
  driver: StoreDriver,
  path: string,
  recorded: Partial<Pick<KnownObject, "sizeBytes">>,
  signal: AbortSignal | undefined,
): Promise<Examined | undefined> {
  let files = 0;
  let sizeBytes = 0;
  let wrong: Wrong | undefined;
  for await (const file of driver.list(`${path}/`, { signal })) {
    files += 1;
    sizeBytes += file.sizeBytes;
    wrong ??= await readThrough(driver, file, signal);
  }
  if (files === 0) return undefined;
  wrong ??= sizeWrong(recorded.sizeBytes, sizeBytes);
  wrong ??= await manifestWrong(driver, path, { files, sizeBytes });
  return { sizeBytes, isTree: true, readBytes: sizeBytes, ...(wrong === undefined ? {} : { wrong }) };
}

async function readThrough(
  driver: StoreDriver,
  file: ObjectHead,
  signal: AbortSignal | undefined,
): Promise<Wrong | undefined> {
  const got = await driver.get(file.path, { signal });
  let read = 0;
  for await (const chunk of got?.body ?? []) read += chunk.length;
  if (got !== undefined && read === file.sizeBytes) return undefined;
  return { kind: "SIZE", message: `Its file ${file.path} gives ${read} bytes of ${file.sizeBytes}.` };
}

/** A manifest that is longer than this is not read: it is a copy of what the listing tells. */
const maxManifestBytes = 16 << 20;

async function manifestWrong(
  driver: StoreDriver,
  path: string,
  found: { readonly files: number; readonly sizeBytes: number },
): Promise<Wrong | undefined> {
  const got = await driver.get(manifestPath(path));
  if (got === undefined || got.head.sizeBytes > maxManifestBytes) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of got.body) chunks.push(chunk);
  const { count, bytes } = countsIn(Buffer.concat(chunks).toString("utf8"));
  if (count !== undefined && count !== found.files)
    return { kind: "SIZE", message: `It has ${found.files} files, but its manifest tells of ${count}.` };
  if (bytes === undefined || bytes === found.sizeBytes) return undefined;
  return { kind: "SIZE", message: `It has ${found.sizeBytes} bytes, but its manifest tells of ${bytes}.` };
}

/** A manifest that cannot be read tells nothing: the peer's reader does without it. */
function countsIn(text: string): { count?: number; bytes?: number } {
  try {
    const value: unknown = JSON.parse(text);
    const { item_count: count, total_size: bytes }: Record<string, unknown> = { ...Object(value) };
    return {
      ...(typeof count === "number" ? { count } : {}),
      ...(typeof bytes === "number" ? { bytes } : {}),
    };
  } catch {
    return {};
  }
}

/**
 * The MD5, in base32, that a canonical path of the hash section names: `{schema}/[folds/]{hash}`, the folds being the beginning of the
 * hash, however long they were when it was written. Below a token the last segment may be random and names nothing.
 */
export function hashName(config: Pick<StoreConfig, "hashPrefix">, path: string): string | undefined {
  const prefix = config.hashPrefix === "" ? "" : `${config.hashPrefix}/`;
  if (!path.startsWith(prefix)) return undefined;
  const [, ...rest] = path.slice(prefix.length).split("/");
  const last = rest.pop();
  if (last === undefined || !/^[a-z2-7]{26}$/.test(last)) return undefined;
  return last.startsWith(rest.join("")) ? last : undefined;
}
