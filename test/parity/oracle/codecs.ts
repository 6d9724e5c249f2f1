/** What the row itself tells of a codec value, by docs/reference/codecs.md; and what the bytes tell, where somebody knew them before. */

import type { CodecUse } from "../../../src/model/model.ts";
import { type Json, jsonFrom, NumberText } from "../json.ts";

type Meta = { readonly [key: string]: Json };

const textOf = (meta: Meta, key: string): string | null => {
  const value = meta[key] ?? null;
  return typeof value === "string" ? value : null;
};

const countOf = (meta: Meta, key: string): string | null => {
  const value = meta[key] ?? null;
  return value instanceof NumberText ? value.text : null;
};

function attachSize(meta: Meta): string | null {
  const [size, name] = [countOf(meta, "size"), textOf(meta, "name")];
  if (size === null || name === null) return null;
  return String(Number(size) - Buffer.byteLength(name) - 1);
}

function digest(meta: Meta, key: string): string | null {
  const hex = textOf(meta, key);
  return hex === null ? null : `sha256:${hex}`;
}

type Told = Readonly<Record<string, (meta: Meta) => unknown>>;

/** Fields by codec, of values in a store. */
const ofStore: Readonly<Record<string, Told>> = {
  npy: {
    dtype: (meta) => textOf(meta, "dtype"),
    shape: (meta) => listOf(meta, "shape"),
    sizeBytes: (meta) => countOf(meta, "size"),
  },
  blob: { kind: (meta) => textOf(meta, "kind"), sizeBytes: (meta) => countOf(meta, "size") },
  attach: {
    name: (meta) => textOf(meta, "name"),
    mediaType: (meta) => textOf(meta, "media_type"),
    sizeBytes: attachSize,
    digest: (meta) => digest(meta, "content_sha256"),
  },
  hash: {
    name: () => null,
    mediaType: (meta) => textOf(meta, "media_type"),
    sizeBytes: (meta) => countOf(meta, "size"),
    digest: (meta) => digest(meta, "sha256"),
  },
  object: {
    sizeBytes: (meta) => countOf(meta, "size"),
    itemCount: (meta) => numberOf(meta, "item_count"),
    isDirectory: (meta) => meta["is_dir"] === true,
  },
  filepath: {
    path: (meta) => textOf(meta, "path"),
    store: (meta) => textOf(meta, "store") || null,
    sizeBytes: (meta) => countOf(meta, "size"),
    isDirectory: (meta) => meta["is_dir"] === true,
    modifiedAt: (meta) => shortened(textOf(meta, "modified_at")),
  },
  json: { kind: (meta) => textOf(meta, "kind"), sizeBytes: (meta) => countOf(meta, "size") },
  text: {
    sizeBytes: (meta) => countOf(meta, "size"),
    length: (meta) => countOf(meta, "length"),
    lineCount: (meta) => countOf(meta, "line_count"),
    digest: (meta) => digest(meta, "sha256"),
  },
  zarr: {
    dtype: (meta) => textOf(meta, "dtype"),
    shape: (meta) => listOf(meta, "shape"),
    zarrFormat: (meta) => numberOf(meta, "zarr_format"),
    sizeBytes: (meta) => countOf(meta, "size"),
    itemCount: (meta) => numberOf(meta, "item_count"),
  },
  parquet: {
    format: (meta) => textOf(meta, "format"),
    rowCount: (meta) => countOf(meta, "row_count"),
    columnCount: (meta) => numberOf(meta, "column_count"),
    sizeBytes: (meta) => countOf(meta, "size"),
  },
};

function numberOf(meta: Meta, key: string): number | null {
  const text = countOf(meta, key);
  return text === null ? null : Number(text);
}

function listOf(meta: Meta, key: string): readonly number[] | null {
  const value = meta[key] ?? null;
  return Array.isArray(value) ? value.map((n: Json) => lengthOf(n)) : null;
}

/** An instant without zeros at the end of its fraction. */
function shortened(text: string | null): string | null {
  return text?.replace(/\.(\d*?)0*Z$/, (_, digits: string) => (digits === "" ? "Z" : `.${digits}Z`)) ?? null;
}

const lengthOf = (value: Json): number => Number(value instanceof NumberText ? value.text : value);

/** What was written, by stored text: answers the fields that only the bytes tell. */
export type Contents = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** The bytes of a value in the row. */
const bytesOf = (cell: string): Buffer => Buffer.from(cell.slice(2), "hex");

/** Whether the row tells a field of the codec's values, so that lists can be filtered by it. */
export function isTold(use: CodecUse, part: string): boolean {
  if (use.store !== undefined) return ofStore[use.name]?.[part] !== undefined;
  if (use.name === "blob" || use.name === "json") return part === "kind" || part === "sizeBytes";
  if (use.name === "text") return part === "sizeBytes" || part === "digest";
  return use.name === "attach" && ["name", "sizeBytes", "digest"].includes(part);
}

/** Of JSON in the row the first byte tells the kind; what is compressed tells nothing. */
function kindOfFirst(byte: number): string | null {
  const first = String.fromCharCode(byte);
  if (/[-0-9]/.test(first)) return "number";
  return { "{": "object", "[": "array", '"': "string", n: "null", t: "boolean", f: "boolean" }[first] ?? null;
}

/** A field as the row tells it; null where it does not. */
export function toldPart(use: CodecUse, part: string, { cell, contents }: Stored): unknown {
  // References to objects are JSON objects.
  if (use.store !== undefined) return ofStore[use.name]?.[part]?.(jsonFrom(cell) as Meta) ?? null;
  if (use.name !== "attach" && part === "sizeBytes") return String(bytesOf(cell).length);
  if (use.name === "json" && part === "kind") return kindOfFirst(bytesOf(cell)[0] ?? 0);
  if (use.name === "attach" && part === "name") {
    const bytes = bytesOf(cell);
    return bytes.subarray(0, bytes.indexOf(0)).toString("utf8");
  }
  return knownPart(contents, part, cell);
}

/** A stored value, and what is known of all values. */
export interface Stored {
  readonly cell: string;
  readonly contents: Contents;
}

/** A field of the value, from the row or else from its bytes. */
export function codecPart(use: CodecUse, part: string, at: Stored): unknown {
  if (isTold(use, part)) {
    const told = toldPart(use, part, at);
    if (told !== null || at.contents.get(at.cell)?.[part] === undefined) return told;
  }
  return knownPart(at.contents, part, at.cell);
}

/** Thrown where an answer hangs on bytes that nobody knew before. */
export class UnknownContent extends Error {}

function knownPart(contents: Contents, part: string, cell: string): unknown {
  const known = contents.get(cell);
  if (known === undefined || !(part in known)) throw new UnknownContent(`${part} of ${cell.slice(0, 100)}`);
  return known[part];
}
