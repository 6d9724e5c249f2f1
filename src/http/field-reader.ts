/** Reads what a capability of kind `field` stands for: bytes in a table cell, or the file that a cell's JSON names. */

import type { ByteReader, Codec } from "../codec/contract.ts";
import { ServiceError } from "../errors.ts";
import type { CapabilitySubject } from "../object/contract.ts";
import { refuseOwnedSection } from "../object/owned-section.ts";
import type { Stores } from "../store/contract.ts";
import { checkPath } from "../store/path.ts";
import { type Cell, openCell, type RowQuery } from "./cell-reader.ts";

export type FieldSubject = Extract<CapabilitySubject, { kind: "field" }>;

/** What a cell holds. */
export type FieldContent =
  /** Bytes in the row; `sha256` is of all of them. */
  | {
      readonly kind: "bytes";
      readonly bytes: ByteReader;
      readonly sha256: string;
      readonly content: ContentOf;
    }
  /** A file or folder in a store that no capability of kind `object` covers. */
  | {
      readonly kind: "stored";
      readonly store: string;
      readonly path: string;
      readonly isTree: boolean;
      readonly content: ContentOf;
    };

/** Where the content begins in the stored bytes, and its name where the bytes tell it. */
type ContentOf = (bytes: ByteReader) => Promise<{ readonly start: number; readonly filename?: string }>;

/** Opens a cell. @throws {NOT_FOUND} when the row or its value is gone. */
export type FieldReader = (subject: FieldSubject, signal: AbortSignal) => Promise<FieldContent>;

/** What the reader of cells stands on. */
export interface FieldReaderParts {
  readonly db: RowQuery;
  readonly stores: Stores;
  /** The codec of a column, by stored names; undefined where the model has none. */
  codecOf(schema: string, table: string, column: string): Codec | undefined;
}

/** Makes the reader of cells. */
export function createFieldReader(parts: FieldReaderParts): FieldReader {
  return async (subject, signal) => {
    const codec = parts.codecOf(subject.schema, subject.table, subject.column);
    const cell = await openCell(parts.db, subject, signal);
    const content: ContentOf = async (bytes) => (await codec?.content?.(bytes)) ?? { start: 0 };
    if (cell.kind === "bytes") return { ...cell, content };
    return { ...storedFile(cell, parts.stores, codec), content };
  };
}

function storedFile(cell: Extract<Cell, { kind: "json" }>, stores: Stores, codec: Codec | undefined) {
  const { path, store, is_dir: isDirectory } = cell.value;
  if (typeof path !== "string") throw damaged("names no path");
  const external = codec?.addressing === "external";
  const fallback = external ? (stores.filepathDefaultName ?? stores.defaultName) : stores.defaultName;
  const name = typeof store === "string" && store !== "" ? store : fallback;
  if (name === undefined) throw damaged("names no store, and there is no default store");
  checkPath(path);
  if (external) refuseOwnedSection(path, stores.get(name).config);
  return { kind: "stored", store: name, path, isTree: isDirectory === true } as const;
}

function damaged(what: string): ServiceError {
  return new ServiceError("OBJECT_MISSING", `The value in the row ${what}.`);
}
