/**
 * Lists of versions: what a tree in a versioned bucket had at its keys when it was hidden, written before the first of them is hidden. Lines
 * of JSON: whose they are, then a line for each key, then how many. An object like any other, so there is all of it or nothing.
 */

import { ServiceError } from "../errors.ts";
import type { StoreDriver } from "../store/contract.ts";

/** One key of a tree. */
export interface VersionLine {
  readonly path: string;
  readonly versionId: string;
  readonly sizeBytes: number;
}

interface Whose {
  readonly id: string;
  /** Of the tree, in its store. */
  readonly path: string;
}

const flushBytes = 1 << 16;

/** Key of the list `number`, from 1, of a tombstone. */
export function versionListKey({ id }: Whose, number: number): string {
  return `_trash/${id}.versions-${number}.jsonl`;
}

/** Writes a list; answers whether it is there, by whoever. @throws what `lines` throws; nothing is kept then. */
export async function writeVersionList(
  driver: StoreDriver,
  { key, tombstone, lines }: { key: string; tombstone: Whose; lines: AsyncIterable<VersionLine> },
  signal: AbortSignal,
): Promise<void> {
  await driver.put(key, bodyOf(tombstone, lines), { signal });
}

async function* bodyOf({ id, path }: Whose, lines: AsyncIterable<VersionLine>): AsyncGenerator<Uint8Array> {
  let text = `${JSON.stringify({ format: "holdfast-versions", tombstone: id, path })}\n`;
  let count = 0;
  for await (const line of lines) {
    text += `${JSON.stringify([line.path, line.versionId, line.sizeBytes])}\n`;
    count += 1;
    if (text.length < flushBytes) continue;
    yield Buffer.from(text);
    text = "";
  }
  yield Buffer.from(`${text}${JSON.stringify({ count })}\n`);
}

/** Whose list lies at `key`: `ours`, `other` (numbers of tombstones begin again after a restore) or `none`. */
export async function versionListAt(
  driver: StoreDriver,
  { key, tombstone }: { key: string; tombstone: Whose },
  signal: AbortSignal,
): Promise<"ours" | "other" | "none"> {
  const got = await driver.get(key, { signal });
  if (got === undefined) return "none";
  for await (const line of linesOf(got.body)) return isOf(tombstone, line) ? "ours" : "other";
  return "other";
}

/** The lines of a list. @throws {OBJECT_CORRUPT} when it is not whole, {OBJECT_MISSING} when it is gone. */
export async function* readVersionList(
  driver: StoreDriver,
  { key, tombstone }: { key: string; tombstone: Whose },
  signal?: AbortSignal,
): AsyncGenerator<VersionLine> {
  const got = await driver.get(key, { signal });
  if (got === undefined) throw wrong("OBJECT_MISSING", key, "is gone");
  let count = -1;
  for await (const line of linesOf(got.body)) {
    if (count === -1) {
      if (!isOf(tombstone, line)) throw wrong("OBJECT_CORRUPT", key, "is another tombstone's");
    } else if (Array.isArray(line)) yield lineOf(key, line);
    else if (isRecord(line) && line["count"] === count) return;
    else throw wrong("OBJECT_CORRUPT", key, "has a line that is none");
    count += 1;
  }
  throw wrong("OBJECT_CORRUPT", key, "ends early");
}

function lineOf(key: string, [path, versionId, sizeBytes]: readonly unknown[]): VersionLine {
  if (typeof path === "string" && typeof versionId === "string" && typeof sizeBytes === "number")
    return { path, versionId, sizeBytes };
  throw wrong("OBJECT_CORRUPT", key, "has a line that is none");
}

function isOf({ id, path }: Whose, line: unknown): boolean {
  return isRecord(line) && line["tombstone"] === id && line["path"] === path;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield parsed(line);
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function wrong(code: "OBJECT_CORRUPT" | "OBJECT_MISSING", key: string, what: string): ServiceError {
  return new ServiceError(code, `The list of versions ${key} ${what}.`, {
    details: { path: key, remedy: "Restore it, or recover the versions by the store's own tools." },
  });
}
