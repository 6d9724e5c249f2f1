/**
 * Tables of Parquet: the footer says where the columns of each row group lie, and only those that are asked for are read.
 *
 * @source https://parquet.apache.org/docs/file-format/
 */

import { parquetMetadata, parquetSchema } from "hyparquet";
import { readColumn } from "hyparquet/src/column.js";
import { assembleAsync } from "hyparquet/src/rowgroup.js";
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from "hyparquet/src/schema.js";
import type {
  ColumnChunk,
  DecodedArray,
  FileMetaData,
  ParquetParsers,
  RowGroup,
  SchemaTree,
} from "hyparquet/src/types.js";
import type { ElementJson } from "./elements.ts";
import { corrupt } from "./fault.ts";
import { parquetCell } from "./parquet-cell.ts";
import { CheckedPages } from "./parquet-pages.ts";
import { bareSchema, type ParquetField, parquetTypeName, readParquetSchema } from "./parquet-schema.ts";
import { childrenOf, treePath } from "./parquet-tree.ts";
import {
  type Budget,
  type ByteSource,
  checkColumns,
  maxMetadataBytes,
  type OpenTable,
  type RowRange,
  wholeNumber,
} from "./table.ts";
import { walkThrift } from "./thrift.ts";

const magic = "PAR1";
const endBytes = 8;
/** The end of a file is read at once, as footers are small. */
const tailBytes = 65_536;
/** Values in a footer: some 25 for each column of each row group. */
const maxFooterValues = 2_000_000;
/** Chunks with so few bytes between them are read as one. */
const gapBytes = 8192;
/** Chunks are read together up to this size. */
const runBytes = 8 * 2 ** 20;
/** Under this name the library asks for pages that are not compressed, too. */
const everyPage = "LZO";

/** The library makes no dates of what it reads. */
const raw: Partial<ParquetParsers> = { timestampFromNanoseconds: (value: unknown) => value };

interface Open {
  readonly source: ByteSource;
  readonly metadata: FileMetaData;
  readonly tree: SchemaTree;
  readonly fields: readonly ParquetField[];
}

/** @throws {CODEC_CORRUPT} when the bytes are no Parquet; {LIMIT_EXCEEDED} for a footer that is too large. */
export async function openParquet(source: ByteSource, signal?: AbortSignal): Promise<OpenTable> {
  const metadata = parquetMetadata(await readFooter(source, signal), {
    geoparquet: false,
    parsers: noStatistics,
  });
  const fields = readParquetSchema(metadata.schema);
  const columns = fields.map((field) => ({
    name: field.name,
    type: parquetTypeName(field),
    nullable: field.element.repetition_type === "OPTIONAL",
  }));
  checkColumns(columns);
  const groups = metadata.row_groups.map(groupOf);
  const rowCount = groups.reduce((sum, group) => sum + group.rowCount, 0);
  if (BigInt(rowCount) !== metadata.num_rows)
    throw corrupt(`The footer tells of ${metadata.num_rows} rows, its groups of ${rowCount}.`);
  const tree = parquetSchema({ schema: bareElements(metadata, fields) });
  const open = { source, metadata, tree, fields };
  return { format: "parquet", rowCount, columns, groups, read: (wanted) => readRows(open, wanted) };
}

/** Statistics are not asked for: their texts are left as bytes. */
const noStatistics: Partial<ParquetParsers> = {
  stringFromBytes: (bytes) => bytes,
  dateFromDays: (days) => days,
  timestampFromMilliseconds: (value) => value,
  timestampFromMicroseconds: (value) => value,
  timestampFromNanoseconds: (value) => value,
  uuidFromBytes: (bytes) => bytes,
};

/** The footer and the end of the file. */
async function readFooter(source: ByteSource, signal?: AbortSignal): Promise<Uint8Array> {
  const size = source.sizeBytes;
  const start = Math.max(0, size - tailBytes);
  const tail = await source.read(start, size, signal);
  const end = Buffer.from(tail.subarray(-magic.length)).toString("latin1");
  if (end === "PARE") throw corrupt("The file is encrypted.");
  if (tail.length < endBytes + magic.length || end !== magic)
    throw corrupt(`The file does not end with ${magic}.`);
  const length = new DataView(tail.buffer, tail.byteOffset, tail.byteLength).getUint32(
    tail.length - endBytes,
    true,
  );
  if (length > maxMetadataBytes || length + endBytes > size) throw corrupt(`The footer has ${length} bytes.`);
  const footerStart = size - endBytes - length;
  const footer =
    footerStart >= start ? tail.subarray(footerStart - start) : await source.read(footerStart, size, signal);
  walkThrift(footer.subarray(0, length), 0, maxFooterValues);
  return footer;
}

function groupOf(group: RowGroup) {
  return {
    rowCount: wholeNumber(group.num_rows, "The number of rows"),
    sizeBytes: group.columns.reduce(
      (sum, { meta_data: meta }) => sum + wholeNumber(meta?.total_compressed_size, "The size of a column"),
      0,
    ),
  };
}

/** The flat schema again, in its order, without what values mean. */
function bareElements(metadata: FileMetaData, fields: readonly ParquetField[]) {
  const [root] = metadata.schema;
  const flat = (field: ParquetField): ReturnType<typeof bareSchema>[] => [
    bareSchema(field, field.element),
    ...field.children.flatMap(flat),
  ];
  return [...(root === undefined ? [] : [bareSchema(undefined, root)]), ...fields.flatMap(flat)];
}

async function readRows(
  open: Open,
  wanted: RowRange & { readonly columns: readonly string[]; readonly budget: Budget },
): Promise<ElementJson[][]> {
  const columns: ElementJson[][] = wanted.columns.map(() => []);
  const names = new Set(wanted.columns);
  const fields = new Map(open.fields.map((field) => [field.name, field]));
  const nodes = childrenOf(open.tree);
  let groupStart = 0;
  for (const group of open.metadata.row_groups) {
    const rows = Number(group.num_rows);
    const range = {
      start: Math.max(wanted.start - groupStart, 0),
      end: Math.min(wanted.end - groupStart, rows),
    };
    groupStart += rows;
    if (range.start >= range.end) continue;
    const chunks = group.columns.filter((chunk) => names.has(columnOf(chunk)));
    const byColumn = Map.groupBy(chunks, columnOf);
    const bytes = await readChunks(open.source, chunks, wanted);
    for (const [i, name] of wanted.columns.entries()) {
      const [field, node] = [fields.get(name), nodes.get(name)];
      if (field === undefined || node === undefined)
        throw corrupt(`No column is called ${JSON.stringify(name)}.`);
      const of = { chunks: byColumn.get(name) ?? [], bytes, rows, range, budget: wanted.budget };
      // The library looks through all columns for each that it is given.
      const values = await columnValues({ ...open.tree, children: [node] }, of);
      for (const value of values) columns[i]?.push(parquetCell(field, value, wanted.budget));
    }
  }
  return columns;
}

/** The column that a chunk is a part of. */
function columnOf({ meta_data: meta }: ColumnChunk): string {
  return meta?.path_in_schema[0] ?? "";
}

interface Chunk {
  readonly start: number;
  readonly end: number;
}

function rangeOf({ meta_data: meta, file_path: path }: ColumnChunk): Chunk {
  if (meta === undefined) throw corrupt("A column has no metadata; it may be encrypted.");
  if (path !== undefined) throw corrupt("A column lies in another file.");
  const start = wholeNumber(meta.dictionary_page_offset || meta.data_page_offset, "The place of a column");
  return { start, end: start + wholeNumber(meta.total_compressed_size, "The size of a column") };
}

/** Bytes of the chunks; neighbours are read together. @throws {LIMIT_EXCEEDED} before too much is read. */
async function readChunks(
  source: ByteSource,
  chunks: readonly ColumnChunk[],
  { budget, signal }: { readonly budget: Budget; readonly signal?: AbortSignal | undefined },
): Promise<Map<ColumnChunk, Uint8Array>> {
  const runs: { start: number; end: number; parts: { chunk: ColumnChunk; range: Chunk }[] }[] = [];
  const sorted = chunks
    .map((chunk) => ({ chunk, range: rangeOf(chunk) }))
    .sort((a, b) => a.range.start - b.range.start);
  for (const part of sorted) {
    const { start, end } = part.range;
    if (end > source.sizeBytes) throw corrupt("A column ends beyond the file.");
    budget.unpack(end - start);
    const last = runs.at(-1);
    if (
      last !== undefined &&
      start >= last.end &&
      start - last.end <= gapBytes &&
      end - last.start <= runBytes
    ) {
      last.parts.push(part);
      last.end = end;
    } else runs.push({ start, end, parts: [part] });
  }
  const found = new Map<ColumnChunk, Uint8Array>();
  await Promise.all(
    runs.map(async ({ start, end, parts }) => {
      const bytes = await source.read(start, end, signal);
      // A copy: the library looks at values through the memory that its bytes begin.
      for (const { chunk, range } of parts)
        found.set(chunk, Uint8Array.from(bytes.subarray(range.start - start, range.end - start)));
    }),
  );
  return found;
}

/** Values of a column in the rows of a group, as the library gives them. */
async function columnValues(
  tree: SchemaTree,
  of: {
    readonly chunks: readonly ColumnChunk[];
    readonly bytes: ReadonlyMap<ColumnChunk, Uint8Array>;
    readonly rows: number;
    readonly range: { readonly start: number; readonly end: number };
    readonly budget: Budget;
  },
): Promise<unknown[]> {
  const { range } = of;
  const select = { groupStart: 0, groupRows: of.rows, selectStart: range.start, selectEnd: range.end };
  const parts = of.chunks.map((chunk) =>
    leafValues(tree, { chunk, bytes: of.bytes.get(chunk), select, budget: of.budget }),
  );
  const asyncColumns = parts.map(({ path, ...data }) => ({
    pathInSchema: path,
    data: Promise.resolve(data),
  }));
  const [column] = assembleAsync({ ...select, asyncColumns }, tree, raw).asyncColumns;
  if (column === undefined) throw corrupt("A row group lacks a column.");
  const { data, skipped } = await column.data;
  const values: unknown[] = [];
  let at = skipped;
  for (const page of data) {
    for (let i = Math.max(0, range.start - at); i < page.length && at + i < range.end; i++)
      values.push(page[i]);
    at += page.length;
  }
  if (values.length !== range.end - range.start)
    throw corrupt(`A column has ${values.length} of ${range.end - range.start} rows.`);
  return values;
}

function leafValues(
  tree: SchemaTree,
  of: {
    readonly chunk: ColumnChunk;
    readonly bytes: Uint8Array | undefined;
    readonly select: { groupStart: number; groupRows: number; selectStart: number; selectEnd: number };
    readonly budget: Budget;
  },
): { path: string[]; data: DecodedArray[]; skipped: number } {
  const { meta_data: meta } = of.chunk;
  const { bytes } = of;
  if (meta === undefined || bytes === undefined) throw corrupt("A column has no metadata.");
  const schemaPath = treePath(tree, meta.path_in_schema);
  const element = schemaPath.at(-1)?.element;
  if (element?.type === undefined || element.type !== meta.type)
    throw corrupt("A column is of another type than the schema says.");
  const pages = new CheckedPages(
    bytes,
    {
      type: element.type,
      typeLength: element.type_length ?? 0,
      maxRepetition: getMaxRepetitionLevel(schemaPath),
      maxDefinition: getMaxDefinitionLevel(schemaPath),
      codec: meta.codec,
    },
    of.budget,
  );
  const decoder = {
    pathInSchema: meta.path_in_schema,
    type: element.type,
    element,
    schemaPath,
    codec: everyPage,
    parsers: raw as ParquetParsers,
    compressors: { [everyPage]: (packed: Uint8Array, size: number) => pages.unpack(packed, size) },
    utf8: false,
  } as const;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { path: meta.path_in_schema, ...readColumn({ view, offset: 0 }, of.select, decoder) };
}
