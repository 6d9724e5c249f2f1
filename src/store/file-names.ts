/**
 * The names in a folder, in byte order and in memory that does not grow with the folder: one of a million names is read several times, and
 * each time the next of them are kept. What is there all the while comes exactly once.
 */

import { opendir } from "node:fs/promises";

/** Names that one reading keeps; twice as many are in memory. */
const keptNames = 50_000;
/** Entries that one call of the system is asked for. */
const entriesAtOnce = 1024;

export interface NameOptions {
  /** What the names begin with. */
  readonly prefix: string;
  /** Names that one reading keeps; 50,000 unless given. */
  readonly kept?: number;
}

/** Regular files, and folders with a trailing `/`, because `a.txt` comes before `a/b`. Names that are not UTF-8 are nobody's. */
export async function* sortedNames(folder: string, options: NameOptions): AsyncGenerator<string> {
  for (let after: string | undefined, isMore = true; isMore; ) {
    const next = await nextNames(folder, after, options);
    for (const name of next.names) {
      const decoded = fromBytes(name);
      if (decoded !== undefined) yield decoded;
    }
    after = next.names.at(-1);
    isMore = next.isMore;
  }
}

interface Names {
  /** In byte order; each character is one byte, so that the language's own order is that of the bytes. */
  readonly names: readonly string[];
  readonly isMore: boolean;
}

async function nextNames(
  folder: string,
  after: string | undefined,
  { prefix, kept = keptNames }: NameOptions,
): Promise<Names> {
  const begin = Buffer.from(prefix).toString("latin1");
  let names: string[] = [];
  // Names from here on are for a later reading.
  let limit: string | undefined;
  for await (const entry of await opendir(folder, { encoding: "latin1", bufferSize: entriesAtOnce })) {
    if (!entry.isFile() && !entry.isDirectory()) continue;
    const name = entry.isDirectory() ? `${entry.name}/` : entry.name;
    if (!name.startsWith(begin)) continue;
    if ((after !== undefined && name <= after) || (limit !== undefined && name >= limit)) continue;
    names.push(name);
    if (names.length < 2 * kept) continue;
    names.sort(inOrder);
    limit = names[kept];
    names = names.slice(0, kept);
  }
  names.sort(inOrder);
  if (names.length <= kept) return { names, isMore: limit !== undefined };
  return { names: names.slice(0, kept), isMore: true };
}

function inOrder(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function fromBytes(name: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(name, "latin1"));
  } catch {
    return undefined;
  }
}
