/** The rows of one table on their way into a backup file, in pieces of a few megabytes. */

import type { CopyTransaction } from "../db/copy.ts";
import { identifiers, qualified } from "../sql/quote.ts";
import type { ArchiveWriter } from "./archive-writer.ts";
import { type BackupTable, rowsOf } from "./format.ts";

/** An archive tells the size of an entry before its bytes, and nobody knows how many a table has. */
const pieceBytes = 4 * 1024 * 1024;
const lineFeed = 10;

interface RowsWanted {
  readonly table: BackupTable;
  /** What follows the table's name in the query. */
  readonly which: string;
  readonly signal?: AbortSignal | undefined;
}

/** Writes the rows; answers how many. */
export async function writeRows(
  archive: ArchiveWriter,
  transaction: CopyTransaction,
  { table, which, signal }: RowsWanted,
): Promise<number> {
  const from = qualified(table.schema, table.table);
  const query = `SELECT ${identifiers(table.columns)} FROM ${from}${which}`;
  const folder = rowsOf(table);
  let number = 0;
  let rows = 0;
  let piece: Uint8Array[] = [];
  let bytes = 0;
  const write = async (): Promise<void> => {
    if (bytes === 0) return;
    number += 1;
    const name = `${folder}${String(number).padStart(6, "0")}.copy`;
    await archive.add({ name, sizeBytes: bytes, body: each(piece) });
    piece = [];
    bytes = 0;
  };
  for await (const chunk of transaction.copyOut(`COPY (${query}) TO STDOUT`)) {
    // A line feed within a value is written as an escape.
    for (const byte of chunk) if (byte === lineFeed) rows += 1;
    signal?.throwIfAborted();
    piece.push(chunk);
    bytes += chunk.length;
    if (bytes >= pieceBytes) await write();
  }
  await write();
  return rows;
}

async function* each(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
