/** Values that are tables: their GraphQL types, the fields that every format answers, and what the row keeps of them. */

import { isServiceError, ServiceError } from "../errors.ts";
import type { ElementJson } from "./elements.ts";
import { bytesFromBase64 } from "./elements-from-json.ts";
import { invalid } from "./fault.ts";
import { jsonInt4, jsonInt8, jsonList, jsonText } from "./json-column.ts";
import { Budget, type ByteSource, type OpenTable, readingTable } from "./table.ts";

/** SDL that the codecs of tables share. */
export const tableTypeDefs = `
"A value for a field of type TableFile: an upload of a file, or a small file as base64."
input TableFileInput @oneOf { base64: String upload: ID }

"A column of a table. The type is named as Arrow prints it: int64, string, list<float64>, timestamp[us, UTC], decimal(10, 2)."
type TableColumn {
  name: String!
  type: String!
  nullable: Boolean!
}

"Rows that lie together: a row group or a record batch."
type TableGroup {
  rowCount: BigInt!
  "As stored."
  sizeBytes: BigInt!
}
`;

/** Rows that one answer may hold. */
const maxRows = 10_000;
/** Columns and groups that the row of the database keeps; of wider tables the file tells. */
const keptParts = 1000;

type Open = (source: ByteSource, signal?: AbortSignal) => Promise<OpenTable>;
interface Value {
  bytes(): Promise<ByteSource>;
}
interface Context {
  readonly field: string;
  readonly inlineLimitBytes: number;
  readonly signal?: AbortSignal | undefined;
}

function opener(open: Open) {
  return async (
    value: Value,
    { signal }: { readonly signal?: AbortSignal | undefined },
  ): Promise<OpenTable> => {
    const reader = await value.bytes();
    return readingTable(() => open(reader, signal), signal);
  };
}

/** Fields of the type `TableFile`, answered by a format. */
export function tableFields(open: Open) {
  const table = opener(open);
  return {
    ...rowFields(table),
    columns: {
      type: "[TableColumn!]",
      description: "The columns, in their order.",
      sql: { store: (column: string) => jsonList(column, "columns") },
      read: async (value: Value, _args: unknown, context: Context) => columnsOf(await table(value, context)),
    },
    rowGroups: {
      type: "[TableGroup!]",
      description: "Groups of rows that lie together, in their order: row groups, record batches.",
      read: async (value: Value, _args: unknown, context: Context) =>
        (await table(value, context)).groups.map(({ rowCount, sizeBytes }) => ({
          rowCount: String(rowCount),
          sizeBytes: String(sizeBytes),
        })),
    },
    rows: {
      type: "JSON",
      description:
        "Rows as objects with the given columns (all, if none are given), from the row offset on. Only the columns and the groups that hold them are read.",
      args: "columns: [String!], first: Int = 100, offset: BigInt = 0",
      read: (value: Value, args: Readonly<Record<string, unknown>>, context: Context) =>
        readRows(table, { value, args, context }),
    },
  };
}

/** What an answer unfolds: only the pages themselves tell it of rows, and what else is told is in the metadata. */
export async function unfoldedTable(
  value: Value,
  { field }: { readonly field?: string | undefined },
): Promise<number> {
  return field === "rows" ? Number.POSITIVE_INFINITY : (await value.bytes()).sizeBytes;
}

function rowFields(table: ReturnType<typeof opener>) {
  return {
    format: {
      type: "String",
      description: "parquet, arrow (the file format, also called Feather 2) or arrow stream.",
      sql: { store: (column: string) => jsonText(column, "format") },
      filter: "String" as const,
      read: async (value: Value, _args: unknown, context: Context) => (await table(value, context)).format,
    },
    rowCount: {
      type: "BigInt",
      description: "Number of rows.",
      sql: { store: (column: string) => jsonInt8(column, "row_count") },
      filter: "BigInt" as const,
      read: async (value: Value, _args: unknown, context: Context) =>
        String((await table(value, context)).rowCount),
    },
    columnCount: {
      type: "Int",
      description: "Number of columns; parts of nested ones do not count.",
      sql: { store: (column: string) => jsonInt4(column, "column_count") },
      filter: "Int" as const,
      read: async (value: Value, _args: unknown, context: Context) =>
        (await table(value, context)).columns.length,
    },
    sizeBytes: {
      type: "BigInt",
      description: "Size of the file in bytes.",
      sql: { store: (column: string) => jsonInt8(column, "size") },
      filter: "BigInt" as const,
      read: async (value: Value) => String((await value.bytes()).sizeBytes),
    },
  };
}

function columnsOf({ columns }: OpenTable) {
  return columns.map(({ name, type, nullable }) => ({ name, type, nullable }));
}

/** What the row keeps. @throws {CODEC_INVALID_VALUE} when the bytes are no table. */
export async function inspectTable(open: Open, what: string, source: ByteSource, signal?: AbortSignal) {
  try {
    const table = await readingTable(() => open(source, signal), signal);
    return {
      format: table.format,
      row_count: table.rowCount,
      column_count: table.columns.length,
      ...(table.columns.length > keptParts ? {} : { columns: columnsOf(table) }),
    };
  } catch (cause) {
    if (!isServiceError(cause, "CODEC_CORRUPT")) throw cause;
    throw new ServiceError("CODEC_INVALID_VALUE", `The bytes are no ${what}: ${cause.message}`, { cause });
  }
}

/** Every row, as `decode` gives them. */
export async function wholeTable(open: Open, source: ByteSource, signal?: AbortSignal): Promise<ElementJson> {
  return readingTable(async () => {
    const table = await open(source, signal);
    const names = table.columns.map(({ name }) => name);
    const wanted = { columns: names, start: 0, end: table.rowCount, budget: new Budget(wholeBytes), signal };
    return rowsOf(names, await table.read(wanted));
  }, signal);
}

/** Largest answer of a table that is decoded whole. */
const wholeBytes = 256 * 2 ** 20;

/** @throws {CODEC_INVALID_VALUE} when none are given. */
export function tableBytes({ base64 }: Readonly<Record<string, unknown>>): Uint8Array {
  if (typeof base64 === "string") return bytesFromBase64(base64);
  throw invalid("A table is given as base64 or as an upload.");
}

/** Bytes in memory as a source. */
export function sourceOf(bytes: Uint8Array): ByteSource {
  return { sizeBytes: bytes.length, read: async (start, end) => bytes.subarray(start, end) };
}

async function readRows(
  table: ReturnType<typeof opener>,
  { value, args, context }: { value: Value; args: Readonly<Record<string, unknown>>; context: Context },
): Promise<ElementJson[]> {
  const first = typeof args["first"] === "number" ? args["first"] : 100;
  if (first < 0 || first > maxRows) {
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `first is ${first}; from 0 to ${maxRows} rows are answered at once.`,
      {
        details: { field: "first", value: first, limit: maxRows },
      },
    );
  }
  const offset = Number(args["offset"] ?? 0);
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new ServiceError(
      "BAD_USER_INPUT",
      `offset is ${String(args["offset"])}; give a whole number from 0 on.`,
      {
        details: { field: "offset", value: String(args["offset"]), remedy: "Give 0 for the first row." },
      },
    );
  }
  const opened = await table(value, context);
  const names = chosen(opened, args["columns"]);
  const budget = new Budget(context.inlineLimitBytes);
  const range = { start: Math.min(offset, opened.rowCount), end: Math.min(offset + first, opened.rowCount) };
  const columns = await readingTable(
    () => opened.read({ columns: names, ...range, budget, signal: context.signal }),
    context.signal,
  );
  for (const name of names) budget.spend((range.end - range.start) * (name.length + 3));
  return names.length === 0 ? [] : rowsOf(names, columns);
}

/** The columns asked for, each once. @throws {BAD_USER_INPUT} naming those there are. */
function chosen({ columns }: OpenTable, asked: unknown): string[] {
  const names = columns.map(({ name }) => name);
  if (!Array.isArray(asked)) return names;
  for (const name of asked) {
    if (names.includes(String(name))) continue;
    const known = names.slice(0, 50).join(", ");
    throw new ServiceError(
      "BAD_USER_INPUT",
      `The table has no column ${JSON.stringify(name)}. It has: ${known}.`,
      {
        details: { field: "columns", value: name, remedy: "Ask for columns by their names." },
      },
    );
  }
  return [...new Set(asked.map(String))];
}

function rowsOf(names: readonly string[], columns: readonly (readonly ElementJson[])[]): ElementJson[] {
  const count = columns[0]?.length ?? 0;
  return Array.from({ length: count }, (_, row) =>
    Object.fromEntries(names.map((name, i) => [name, columns[i]?.[row] ?? null])),
  );
}
