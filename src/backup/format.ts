/**
 * What a backup file is: a tar archive that any tar reads, in this order.
 *
 * `holdfast.json` (the {@link BackupHeader}), `schema.graphql`, `rows/{schema}/{table}/{number}.copy` (COPY's text form, cut anywhere),
 * `stores/{store}/{path}` (objects; equal content once, then as a link), between them `digests/{number}` (lines of `sha256sum`), and
 * last `end.json` (the {@link BackupEnd}), which holds the digest of every byte before it.
 */

import type { Model } from "../model/model.ts";
import type { SchemaFacts } from "./facts.ts";

/** What this version writes. */
export const formatName = "holdfast-backup";
export const formatVersion = 2;
/** Read too: it knows nothing of codecs, of changes of codecs, and of the text that was applied; hidden columns have no guard in it. */
export const firstVersion = 1;

/** Names of entries. */
export const headerName = "holdfast.json";
export const schemaName = "schema.graphql";
export const endName = "end.json";
export const digestsFolder = "digests/";
export const rowsFolder = "rows/";
export const storesFolder = "stores/";

/** One table whose rows are in the file. */
export interface BackupTable {
  readonly schema: string;
  readonly table: string;
  /** In the order of COPY. */
  readonly columns: readonly string[];
}

/** A store that objects or rows of the backup name. */
export interface BackupStore {
  readonly name: string;
  readonly isDefault: boolean;
  /** Intervals, in PostgreSQL's words. */
  readonly drain: string;
  readonly grace: string;
  readonly keep: string;
}

/** What is kept of a codec that fields were written with (`holdfast.codec`). */
export interface BackupCodec {
  readonly name: string;
  readonly description: unknown;
}

/** The first entry. */
export interface BackupHeader {
  readonly format: typeof formatName;
  readonly version: number;
  /** Of this backup, a UUID. */
  readonly id: string;
  /** Version of Holdfast. */
  readonly madeBy: string;
  /** The moment of all rows, ISO 8601, by the database's clock. */
  readonly moment: string;
  /** Of the PostgreSQL server: `18.4`. */
  readonly postgres: string;
  /** Name of the schema file's own schema. */
  readonly owner: string;
  /** Text of the schema file that fields are changing their codecs for, and that the tables do not follow yet. Absent: none do. */
  readonly wanted?: string;
  /** Absent in files of the first version. */
  readonly codecs?: readonly BackupCodec[];
  readonly stores: readonly BackupStore[];
  readonly filepathDefaultStore: string | null;
  /** In the order of the rows in the file; those of Holdfast's own schema first. */
  readonly tables: readonly BackupTable[];
  /** What stands in the tables' schemas beyond what the schema file says. */
  readonly facts: SchemaFacts;
  /** What was left out on purpose. */
  readonly leftOut: readonly string[];
}

/** An object that is in the rows and whose bytes are not in the file. */
export interface MissingObject {
  readonly locator: string;
  readonly problem: string;
  /** Entries whose bytes are not the object's. */
  readonly entries: readonly string[];
}

/** The last entry. */
export interface BackupEnd {
  readonly id: string;
  /** Entries before the last one, the digests' own not counted. */
  readonly entries: number;
  /** Bytes of the file before the last entry. */
  readonly position: number;
  /** Of these bytes. */
  readonly sha256: string;
  /** Rows by table, in the header's order. */
  readonly rows: readonly number[];
  readonly objects: number;
  /** Bytes of objects in the file: equal content counts once. */
  readonly objectBytes: number;
  readonly missing: readonly MissingObject[];
  /** SHA-256 of what stands here before it. Absent in files of the first version. */
  readonly own?: string;
}

/** Reads a model as the schema file of the backup says it; `kept` describes codecs that may not be loaded. */
export type ParseModel = (source: string, kept: ReadonlyMap<string, unknown>) => Promise<Model>;

/** What the backup tells of codecs. */
export function codecsIn({ codecs = [] }: BackupHeader): ReadonlyMap<string, unknown> {
  return new Map(codecs.map(({ name, description }) => [name, description]));
}

/** The folder of a table's rows: names may hold any character. */
export function rowsOf({ schema, table }: { readonly schema: string; readonly table: string }): string {
  return `${rowsFolder}${encodeURIComponent(schema)}/${encodeURIComponent(table)}/`;
}
