/**
 * What of Holdfast's own schema is in a backup: objects, the record of what applies have made and of what text, changes of codecs, settings.
 * What is known of codecs is in the header, where it is needed before any row. Uploads, tombstones and keys are not in a backup.
 */

import { literal } from "../sql/quote.ts";
import type { BackupTable } from "./format.ts";

/** Holdfast's own schema. */
export const ownSchema = "holdfast";

const object = [
  "locator",
  "gen",
  "tree",
  "size",
  "sha256",
  "meta",
  "dedup",
  "created_at",
  "verified_at",
  "condemned_at",
];
const made = [
  "owner",
  "schema_name",
  "table_name",
  "entity",
  "whole",
  "columns",
  "indexes",
  "foreign_keys",
  "applied_at",
];

// Without `id`: another database counts its own.
const change = [
  "owner",
  "schema_name",
  "table_name",
  "column_name",
  "entity",
  "from_spec",
  "to_spec",
  "state",
  "copied",
  "failures",
  "failed",
  "error",
  "begun_by",
  "begun_at",
  "swapped_at",
  "ended_at",
];

export const objectTable: BackupTable = { schema: ownSchema, table: "object", columns: object };
const madeTable: BackupTable = { schema: ownSchema, table: "applied_table", columns: made };
export const settingTable: BackupTable = {
  schema: ownSchema,
  table: "setting",
  columns: ["name", "value", "set_by", "set_at"],
};

const sourceTable: BackupTable = {
  schema: ownSchema,
  table: "applied_source",
  columns: ["owner", "source", "applied_at"],
};
const changeTable: BackupTable = { schema: ownSchema, table: "codec_migration", columns: change };

export const ownTables: readonly BackupTable[] = [
  objectTable,
  madeTable,
  settingTable,
  sourceTable,
  changeTable,
];

/** Tables whose rows belong to one schema file each, by `owner`. */
export const ownedTables: readonly BackupTable[] = [madeTable, sourceTable, changeTable];

/** Read with the rows of the tables above, and kept in the header. */
export const codecTable = { schema: ownSchema, table: "codec" };

/** What follows the table's name where rows are read: which of them are in a backup, in which order. Who a database is is its own. */
export function rowsWanted(table: BackupTable, owner: string): string {
  if (table === settingTable) return " WHERE name <> 'database_id'";
  const order = table === changeTable ? " ORDER BY id" : "";
  return ownedTables.includes(table) ? ` WHERE owner = ${literal(owner)}${order}` : "";
}
