/** What of Holdfast's own schema is in a backup: objects, the record of what applies have made, settings. Uploads, tombstones and keys are not. */

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

export const objectTable: BackupTable = { schema: ownSchema, table: "object", columns: object };
export const madeTable: BackupTable = { schema: ownSchema, table: "applied_table", columns: made };
export const settingTable: BackupTable = {
  schema: ownSchema,
  table: "setting",
  columns: ["name", "value", "set_by", "set_at"],
};

export const ownTables: readonly BackupTable[] = [objectTable, madeTable, settingTable];

/** Which rows of a table are in a backup; all unless given. Who a database is is its own. */
export function rowsWanted({ schema, table }: BackupTable, owner: string): string | undefined {
  if (schema !== ownSchema) return undefined;
  if (table === madeTable.table) return `owner = ${literal(owner)}`;
  return table === settingTable.table ? "name <> 'database_id'" : undefined;
}
