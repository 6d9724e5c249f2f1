/**
 * Tables of Arrow: the file format (Feather 2) and the stream format. Of a file only its footer, the heads of the batches that are asked
 * for and the columns that are asked for are read; a stream has no footer, so that all its heads are.
 *
 * @source https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
 */

import { arrowCell } from "./arrow-cell.ts";
import { type ArrowArray, layoutOf, readColumn } from "./arrow-column.ts";
import {
  type ArrowBatch,
  type ArrowMessage,
  MessageReader,
  messageKind,
  readBatch,
} from "./arrow-message.ts";
import { type ArrowField, arrowTypeName, readArrowSchema } from "./arrow-schema.ts";
import type { ElementJson } from "./elements.ts";
import { corrupt } from "./fault.ts";
import { FlatTable } from "./flatbuffer.ts";
import {
  type Budget,
  type ByteSource,
  checkColumns,
  maxMetadataBytes,
  type OpenTable,
  type RowRange,
  wholeNumber,
} from "./table.ts";

const magic = "ARROW1";
/** Messages of one table. */
const maxMessages = 1_000_000;
/** The end of a file is read at once, as footers are small. */
const tailBytes = 65_536;

/** Where a table's parts lie. */
interface Parts {
  readonly format: string;
  readonly fields: readonly ArrowField[];
  readonly batches: readonly Part[];
  readonly dictionaries: readonly Part[];
}

/** A message in the file, with what its head says where that was read already. */
interface Part {
  readonly place: number;
  readonly sizeBytes: number;
  readonly rowCount: number;
}

/** @throws {CODEC_CORRUPT} when the bytes are no table of Arrow. */
export async function openArrow(source: ByteSource, signal?: AbortSignal): Promise<OpenTable> {
  const head = text(await source.read(0, Math.min(magic.length, source.sizeBytes), signal));
  if (head.startsWith("FEA1"))
    throw corrupt("This is Feather version 1, which is no Arrow. Write version 2.");
  const parts = head === magic ? await fileParts(source, signal) : await streamParts(source, signal);
  const columns = parts.fields.map((field) => ({
    name: field.name,
    type: arrowTypeName(field),
    nullable: field.nullable,
  }));
  checkColumns(columns);
  const groups = parts.batches.map(({ rowCount, sizeBytes }) => ({ rowCount, sizeBytes }));
  const rowCount = wholeNumber(
    groups.reduce((sum, group) => sum + group.rowCount, 0),
    "The number of rows",
  );
  return {
    format: parts.format,
    rowCount,
    columns,
    groups,
    read: (wanted) => readRows({ source, parts }, wanted),
  };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

async function fileParts(source: ByteSource, signal?: AbortSignal): Promise<Parts> {
  const size = source.sizeBytes;
  const tailStart = Math.max(0, size - tailBytes);
  const tail = await source.read(tailStart, size, signal);
  const end = tail.length - magic.length;
  if (end < 4 || text(tail.subarray(end)) !== magic) throw corrupt(`The file does not end with ${magic}.`);
  const length = new DataView(tail.buffer, tail.byteOffset, tail.byteLength).getInt32(end - 4, true);
  const start = size - magic.length - 4 - length;
  if (length <= 0 || length > maxMetadataBytes || start < magic.length)
    throw corrupt(`The footer has ${length} bytes.`);
  const footer =
    start >= tailStart
      ? tail.subarray(start - tailStart, end - 4)
      : await source.read(start, start + length, signal);
  const table = FlatTable.root(Uint8Array.from(footer));
  const schema = table.table(1);
  if (schema === undefined) throw corrupt("The footer has no schema.");
  const reader = new MessageReader(source, signal, 4096);
  const blocks = (slot: number) =>
    table.structs(slot, 24).map((view) => ({
      place: wholeNumber(view.getBigInt64(0, true), "The place of a batch"),
      sizeBytes: wholeNumber(view.getBigInt64(16, true), "The size of a batch"),
    }));
  return {
    format: "arrow",
    fields: readArrowSchema(schema),
    batches: await counted(blocks(3), reader),
    dictionaries: blocks(2).map((block) => ({ ...block, rowCount: 0 })),
  };
}

/** The footer does not say how many rows a batch has: its head does. */
async function counted(
  blocks: readonly { readonly place: number; readonly sizeBytes: number }[],
  reader: MessageReader,
): Promise<Part[]> {
  const parts: Part[] = [];
  for (const block of blocks) {
    const message = await expected(reader, block.place, messageKind.batch);
    parts.push({ ...block, rowCount: wholeNumber(message.header.i64(0), "The number of rows") });
  }
  return parts;
}

async function expected(reader: MessageReader, place: number, kind: number): Promise<ArrowMessage> {
  const message = await reader.at(place);
  if (message?.kind === kind) return message;
  throw corrupt(`No batch of the expected kind lies at byte ${place}.`);
}

async function streamParts(source: ByteSource, signal?: AbortSignal): Promise<Parts> {
  const reader = new MessageReader(source, signal);
  const first = await reader.at(0);
  if (first?.kind !== messageKind.schema) throw corrupt("The bytes are no Arrow: they begin with no schema.");
  const fields = readArrowSchema(first.header);
  const [batches, dictionaries]: [Part[], Part[]] = [[], []];
  let place = first.bodyStart + first.bodySize;
  for (let count = 0; ; count++) {
    if (count > maxMessages) throw corrupt(`The stream has more than ${maxMessages} messages.`);
    const message = await reader.at(place);
    if (message === undefined) break;
    const part = { place, sizeBytes: message.bodySize };
    if (message.kind === messageKind.batch)
      batches.push({ ...part, rowCount: wholeNumber(message.header.i64(0), "The number of rows") });
    else if (message.kind !== messageKind.dictionary)
      throw corrupt("The stream holds a message of an unknown kind.");
    // A later dictionary may replace an earlier one: what a batch means would depend on its place.
    else if (batches.length > 0 && message.header.u8(2) === 0)
      throw corrupt("The stream replaces a dictionary after its first batch. Write it as a file.");
    else dictionaries.push({ ...part, rowCount: 0 });
    place = message.bodyStart + message.bodySize;
  }
  return { format: "arrow stream", fields, batches, dictionaries };
}

interface Place {
  readonly source: ByteSource;
  readonly parts: Parts;
}

async function readRows(
  { source, parts }: Place,
  wanted: RowRange & { readonly columns: readonly string[]; readonly budget: Budget },
): Promise<ElementJson[][]> {
  const { budget, signal } = wanted;
  const chosen = wanted.columns.map((name) => parts.fields.findIndex((field) => field.name === name));
  const dictionaries = await readDictionaries({ source, parts }, { chosen, budget, signal });
  const columns: ElementJson[][] = chosen.map(() => []);
  let start = 0;
  for (const part of parts.batches) {
    const from = Math.max(wanted.start - start, 0);
    const to = Math.min(wanted.end - start, part.rowCount);
    start += part.rowCount;
    if (from >= to) continue;
    const message = await expected(new MessageReader(source, signal, 4096), part.place, messageKind.batch);
    const batch = readBatch(message);
    const layout = layoutOf(parts.fields, batch);
    for (const [i, at] of chosen.entries()) {
      const array = await readAt(layout, at, { source, batch, budget, signal });
      for (let row = from; row < to; row++)
        columns[i]?.push(arrowCell(array, row, { dictionaries, budget, depth: 0 }));
    }
  }
  return columns;
}

function readAt(
  layout: ReturnType<typeof layoutOf>,
  at: number,
  from: { source: ByteSource; batch: ArrowBatch; budget: Budget; signal: AbortSignal | undefined },
): Promise<ArrowArray> {
  const column = layout[at];
  if (column === undefined) throw corrupt(`The batch has no column ${at}.`);
  return readColumn(column, { ...from, compression: from.batch.compression });
}

/** Dictionaries that the chosen columns use, and those that these use. */
async function readDictionaries(
  { source, parts }: Place,
  { chosen, budget, signal }: { chosen: readonly number[]; budget: Budget; signal: AbortSignal | undefined },
): Promise<Map<bigint, ArrowArray[]>> {
  const fields = new Map<bigint, ArrowField>();
  for (const at of chosen) collect(parts.fields[at], fields);
  const found = new Map<bigint, ArrowArray[]>();
  if (fields.size === 0) return found;
  const reader = new MessageReader(source, signal, 4096);
  for (const { place } of parts.dictionaries) {
    const message = await expected(reader, place, messageKind.dictionary);
    const id = message.header.i64(0);
    const field = fields.get(id);
    const data = message.header.table(1);
    if (field === undefined || data === undefined) continue;
    const batch = readBatch(message, data);
    const array = await readAt(layoutOf([field], batch), 0, { source, batch, budget, signal });
    const isDelta = message.header.u8(2) !== 0;
    found.set(id, isDelta ? [...(found.get(id) ?? []), array] : [array]);
  }
  return found;
}

/** The values' own field: the column's without its dictionary. */
function collect(field: ArrowField | undefined, into: Map<bigint, ArrowField>): void {
  if (field === undefined) return;
  if (field.dictionary !== undefined) {
    const { dictionary, ...values } = field;
    into.set(dictionary.id, { ...values, name: field.name });
  }
  for (const part of field.children) collect(part, into);
}
