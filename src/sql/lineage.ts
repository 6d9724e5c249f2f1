/** The origin of key and reference columns, as the peer keeps it in `~lineage`. */

import type { Entity, Model } from "../model/model.ts";
import { originOf } from "./origin.ts";
import { literal, qualified } from "./quote.ts";

/** Name of the table that holds the lineage of a schema's columns. */
export const lineageTable = "~lineage";

/** `schema.table.attribute` for every column of the key and of a reference, by column, in table order. */
export function lineageOf(model: Model, entity: Entity): ReadonlyMap<string, string> {
  const wanted = entity.columns.filter((column) => column.inKey || column.origin === "reference");
  return new Map(
    wanted.map((column) => {
      const origin = originOf(model, entity, column);
      return [column.name, `${origin.entity.schema}.${origin.entity.table}.${origin.column.name}`];
    }),
  );
}

/** `CREATE TABLE` of a schema's `~lineage`. */
export function createLineageTable(schema: string): string {
  return (
    `CREATE TABLE IF NOT EXISTS ${qualified(schema, lineageTable)} (\n` +
    `"table_name" varchar(64) NOT NULL,\n"attribute_name" varchar(64) NOT NULL,\n"lineage" varchar(255) NOT NULL,\n` +
    `PRIMARY KEY ("table_name", "attribute_name")\n)`
  );
}

/** Removes the lineage of a table, or of the named columns of it. */
export function deleteLineage(schema: string, table: string, columns?: readonly string[]): string {
  const some = columns === undefined ? "" : ` AND "attribute_name" IN (${columns.map(literal).join(", ")})`;
  return `DELETE FROM ${qualified(schema, lineageTable)} WHERE "table_name" = ${literal(table)}${some}`;
}

/** Writes the lineage of columns, over what is there. */
export function insertLineage(schema: string, table: string, lineage: ReadonlyMap<string, string>): string {
  const rows = [...lineage].map(
    ([column, origin]) => `(${literal(table)}, ${literal(column)}, ${literal(origin)})`,
  );
  return (
    `INSERT INTO ${qualified(schema, lineageTable)} ("table_name", "attribute_name", "lineage") VALUES ${rows.join(", ")} ` +
    `ON CONFLICT ("table_name", "attribute_name") DO UPDATE SET "lineage" = EXCLUDED."lineage"`
  );
}
