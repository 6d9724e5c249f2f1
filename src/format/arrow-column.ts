/**
 * Columns of an Arrow record batch: which buffers are theirs, and their bytes.
 *
 * @source https://arrow.apache.org/docs/format/Columnar.html#physical-memory-layout
 */

import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import type { ArrowBatch } from "./arrow-message.ts";
import type { ArrowField } from "./arrow-schema.ts";
import { corrupt } from "./fault.ts";
import { unpackLz4Frame } from "./lz4.ts";
import type { Budget, ByteSource } from "./table.ts";

const unzstd = promisify(zstdDecompress);

interface Range {
  readonly start: number;
  readonly end: number;
}

/** A column, or a part of a nested one, as places in the file. */
export interface ArrowLayout {
  readonly field: ArrowField;
  readonly length: number;
  readonly nullCount: number;
  /** Absent where the type has none. */
  readonly validity: Range | undefined;
  readonly buffers: readonly Range[];
  readonly children: readonly ArrowLayout[];
}

/** The same with its bytes. Buffers of no bytes are empty. */
export interface ArrowArray {
  readonly field: ArrowField;
  readonly length: number;
  /** Empty: every value is there. */
  readonly validity: DataView;
  readonly buffers: readonly DataView[];
  readonly children: readonly ArrowArray[];
}

/** Where the columns of a batch lie, in the order of the fields. @throws {CODEC_CORRUPT} when nodes or buffers are missing. */
export function layoutOf(fields: readonly ArrowField[], batch: ArrowBatch): ArrowLayout[] {
  const at = { node: 0, buffer: 0, variadic: 0 };
  return fields.map((field) => layoutOfField(field, batch, at));
}

type Cursor = { node: number; buffer: number; variadic: number };

function layoutOfField(field: ArrowField, batch: ArrowBatch, at: Cursor): ArrowLayout {
  const node = batch.nodes[at.node++];
  if (node === undefined) throw corrupt(`The batch has no column for ${JSON.stringify(field.name)}.`);
  const take = (): Range => {
    const range = batch.buffers[at.buffer++];
    if (range === undefined) throw corrupt(`The batch has no buffer for ${JSON.stringify(field.name)}.`);
    return range;
  };
  const validity = hasValidity(field, batch) ? take() : undefined;
  const buffers = Array.from({ length: bufferCount(field) }, take);
  if (isView(field)) {
    const count = batch.variadic[at.variadic++] ?? 0;
    for (let i = 0; i < count; i++) buffers.push(take());
  }
  const parts = field.dictionary === undefined ? field.children : [];
  const children = parts.map((child) => layoutOfField(child, batch, at));
  return { field, ...node, validity, buffers, children };
}

function isView({ type, dictionary }: ArrowField): boolean {
  return dictionary === undefined && (type.kind === "binary_view" || type.kind === "string_view");
}

function hasValidity({ type, dictionary }: ArrowField, batch: ArrowBatch): boolean {
  if (dictionary !== undefined) return true;
  if (type.kind === "union") return batch.oldUnions;
  return type.kind !== "null" && type.kind !== "run_end_encoded";
}

function bufferCount({ type, dictionary }: ArrowField): number {
  if (dictionary !== undefined) return 1;
  switch (type.kind) {
    case "null":
    case "struct":
    case "fixed_list":
    case "run_end_encoded":
      return 0;
    case "binary":
    case "string":
    case "large_binary":
    case "large_string":
    case "list_view":
    case "large_list_view":
      return 2;
    case "union":
      return type.dense ? 2 : 1;
    default:
      return 1;
  }
}

/** Reads a column: one range from its first buffer to its last. @throws {LIMIT_EXCEEDED} before too much is read or unpacked. */
export async function readColumn(
  layout: ArrowLayout,
  from: {
    readonly source: ByteSource;
    readonly compression: ArrowBatch["compression"];
    readonly budget: Budget;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<ArrowArray> {
  const ranges = rangesOf(layout).filter(({ start, end }) => end > start);
  const start = ranges.reduce((least, range) => Math.min(least, range.start), Number.MAX_SAFE_INTEGER);
  const end = ranges.reduce((most, range) => Math.max(most, range.end), 0);
  if (ranges.length > 0) from.budget.unpack(end - start);
  const bytes = ranges.length === 0 ? new Uint8Array() : await from.source.read(start, end, from.signal);
  const part = (range: Range) => bytes.subarray(range.start - start, range.end - start);
  return load(layout, (range) => (range.end === range.start ? noBytes : unpack(part(range), from)));
}

function rangesOf({ validity, buffers, children }: ArrowLayout): Range[] {
  return [...(validity === undefined ? [] : [validity]), ...buffers, ...children.flatMap(rangesOf)];
}

const noBytes = new Uint8Array();

async function load(
  layout: ArrowLayout,
  read: (range: Range) => Promise<Uint8Array> | Uint8Array,
): Promise<ArrowArray> {
  const { field, length, validity } = layout;
  const buffers: DataView[] = [];
  for (const range of layout.buffers) buffers.push(viewOf(await read(range)));
  const children: ArrowArray[] = [];
  for (const child of layout.children) children.push(await load(child, read));
  // Without nulls the buffer may hold anything.
  const known = validity !== undefined && layout.nullCount > 0 ? await read(validity) : noBytes;
  return { field, length, validity: viewOf(known), buffers, children };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Compressed buffers begin with their size; −1: this one was left as it is. */
async function unpack(
  bytes: Uint8Array,
  { compression, budget }: { compression: ArrowBatch["compression"]; budget: Budget },
): Promise<Uint8Array> {
  if (compression === "none") return bytes;
  if (bytes.length < 8) throw corrupt("A compressed buffer has no size.");
  const size = viewOf(bytes).getBigInt64(0, true);
  const packed = bytes.subarray(8);
  if (size === -1n) return packed;
  budget.unpack(Number(size));
  if (compression === "lz4") return unpackLz4Frame(packed, Number(size));
  const found = await unzstd(packed, { maxOutputLength: Math.max(1, Number(size)) });
  if (found.length !== Number(size))
    throw corrupt(`A buffer announces ${size} bytes and holds ${found.length}.`);
  return found;
}
