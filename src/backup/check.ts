/** Looks a backup file through, without any database or store. */

import { closeArchive, damaged, type Entry, readArchive } from "./archive-reader.ts";
import { fromFirstVersion } from "./first-version.ts";
import {
  type BackupEnd,
  type BackupHeader,
  firstVersion,
  formatName,
  formatVersion,
  headerName,
  rowsFolder,
  schemaName,
  storesFolder,
} from "./format.ts";

/** What stands at the begin of a backup file. */
export interface BackupHead {
  readonly header: BackupHeader;
  /** Text of the schema file. */
  readonly source: string;
}

/** A backup file that is whole. */
export interface CheckedBackup extends BackupHead {
  readonly end: BackupEnd;
}

export interface CheckOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told each entry below `stores/`; may refuse. */
  readonly onObject?: (entry: Entry) => Promise<void> | void;
}

/** Reads the begin alone, to refuse early what is refused anyhow; nothing of it is proven yet. @throws {BACKUP_INVALID}, {NOT_FOUND}. */
export async function readHead(path: string, signal?: AbortSignal): Promise<BackupHead> {
  const entries = readArchive(path, signal);
  try {
    return await headOf(path, entries);
  } finally {
    await closeArchive(entries);
  }
}

/** Reads every byte. @throws {BACKUP_INVALID} naming what is wrong, {NOT_FOUND} when there is no file. */
export async function checkBackup(path: string, options: CheckOptions = {}): Promise<CheckedBackup> {
  const entries = readArchive(path, options.signal);
  try {
    return await checkEntries(path, entries, options);
  } finally {
    await closeArchive(entries);
  }
}

async function checkEntries(
  path: string,
  entries: AsyncGenerator<Entry, BackupEnd>,
  { onObject }: CheckOptions,
): Promise<CheckedBackup> {
  const head = await headOf(path, entries);
  const seen = { objects: 0, bytes: 0 };
  let next = await entries.next();
  for (; next.done !== true; next = await entries.next()) {
    const entry = next.value;
    if (entry.name.startsWith(storesFolder)) {
      if (entry.linkTo === undefined) seen.bytes += entry.sizeBytes;
      await onObject?.(entry);
    } else if (!entry.name.startsWith(rowsFolder))
      throw damaged(path, `it has an unknown entry ${entry.name}`);
  }
  const end = next.value;
  if (end.id !== head.header.id || end.rows.length !== head.header.tables.length)
    throw damaged(path, "its begin and its end are of two backups");
  if (end.own === undefined && head.header.version !== firstVersion)
    throw damaged(path, "its end is not what was written");
  if (end.objectBytes !== seen.bytes) throw damaged(path, "it does not hold the bytes that it tells of");
  return { ...head, end };
}

async function headOf(path: string, entries: AsyncGenerator<Entry, BackupEnd>): Promise<BackupHead> {
  const first = await entries.next();
  if (first.done === true || first.value.name !== headerName)
    throw damaged(path, "it is no backup of Holdfast");
  const header = headerIn(path, await textOf(first.value));
  const second = await entries.next();
  if (second.done === true || second.value.name !== schemaName) throw damaged(path, "it has no schema file");
  return { header, source: await textOf(second.value) };
}

function headerIn(path: string, text: string): BackupHeader {
  const value = jsonOf(text);
  if (value?.format !== formatName) throw damaged(path, "it is no backup of Holdfast");
  if (value.version === formatVersion) return value;
  if (value.version === firstVersion) return fromFirstVersion(value);
  throw damaged(
    path,
    `it was written by Holdfast ${String(value.madeBy)} in the format ${String(value.version)}, and this one reads ${firstVersion} to ${formatVersion}`,
  );
}

function jsonOf(text: string): BackupHeader | undefined {
  try {
    // Its digest is compared before it is relied on.
    return JSON.parse(text) as BackupHeader;
  } catch {
    return undefined;
  }
}

async function textOf(entry: Entry): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
