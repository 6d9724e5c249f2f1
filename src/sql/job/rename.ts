/** Tables of jobs follow the tables and columns that they are named after, and go with them: else the peer would begin another, and what is reserved would be forgotten. */

import { indexName } from "../indexes.ts";
import { deleteLineage, lineageTable } from "../lineage.ts";
import { identifier, literal, qualified } from "../quote.ts";
import { jobTable } from "./subject.ts";

const indexed = ["status", "priority", "scheduled_time"];

/** A table of jobs that is there, by the names of relations in its schema. */
export function hasJobs(names: ReadonlySet<string> | undefined, table: string): boolean {
  return table.startsWith("_") && names?.has(jobTable(table)) === true;
}

/** What is done when the table `from` is called `to`; `names`: relations of the schema before it. */
export function jobsFollowTable(
  names: ReadonlySet<string> | undefined,
  { schema, from, to }: { readonly schema: string; readonly from: string; readonly to: string },
): string[] {
  if (!hasJobs(names, from) || !to.startsWith("_")) return [];
  const [old, name] = [jobTable(from), jobTable(to)];
  const comment = `COMMENT ON TABLE ${qualified(schema, name)} IS ${literal(`Job queue for ${qualified(schema, to)}`)}`;
  // Another tier, and the same jobs.
  if (old === name) return [comment];
  // One that is there under the new name stays, and the old one is nobody's.
  if (names?.has(name) === true) return [];
  const origin = `${literal(`${schema}.${name}.`)} || "attribute_name"`;
  return [
    `ALTER TABLE ${qualified(schema, old)} RENAME TO ${identifier(name)}`,
    `ALTER INDEX IF EXISTS ${qualified(schema, indexName(old, indexed))} RENAME TO ${identifier(indexName(name, indexed))}`,
    `ALTER INDEX IF EXISTS ${qualified(schema, `${old}_pkey`)} RENAME TO ${identifier(`${name}_pkey`)}`,
    comment,
    `UPDATE ${qualified(schema, lineageTable)} SET "table_name" = ${literal(name)}, "lineage" = ${origin} WHERE "table_name" = ${literal(old)}`,
  ];
}

/** What is done when `table` is dropped; `names`: relations of the schema before it. */
export function jobsGoWithTable(
  names: ReadonlySet<string> | undefined,
  { schema, table }: { readonly schema: string; readonly table: string },
): string[] {
  if (!hasJobs(names, table)) return [];
  const name = jobTable(table);
  return [deleteLineage(schema, name), `DROP TABLE IF EXISTS ${qualified(schema, name)}`];
}

/** What is done when a column of the key of `table` is called `to`. Columns of a key that no reference leads to are not in the table of jobs. */
export function jobsFollowColumn(place: {
  readonly schema: string;
  readonly table: string;
  readonly from: string;
  readonly to: string;
}): string[] {
  const { schema, table, from, to } = place;
  const name = jobTable(table);
  const jobs = qualified(schema, name);
  const there = `SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(${literal(jobs)}) AND attname = ${literal(from)} AND NOT attisdropped`;
  const rename = `ALTER TABLE ${jobs} RENAME COLUMN ${identifier(from)} TO ${identifier(to)};`;
  const rows = `UPDATE ${qualified(schema, lineageTable)} SET "attribute_name" = ${literal(to)}, "lineage" = ${literal(`${schema}.${name}.${to}`)}`;
  const which = `WHERE "table_name" = ${literal(name)} AND "attribute_name" = ${literal(from)};`;
  return [`DO $jobs$ BEGIN IF EXISTS (${there}) THEN ${rename} ${rows} ${which} END IF; END $jobs$`];
}
