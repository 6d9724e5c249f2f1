/** The lineage of schemas that anybody may have made: what is wrong with it, and its mending in one transaction. */

import type { Catalog } from "../sql/catalog.ts";
import { createLineageTable } from "../sql/lineage.ts";
import {
  type JobTable,
  type LineageFault,
  type LineageSides,
  lineageFaults,
  lineageStatements,
} from "../sql/lineage-rebuild.ts";
import { qualified } from "../sql/quote.ts";
import { withPatience } from "./apply.ts";
import { readCatalog } from "./catalog.ts";
import type { Database, Queryable } from "./contract.ts";

/** What is wrong in one schema. */
export interface SchemaLineage {
  readonly schema: string;
  /** False where the schema has no `~lineage` at all. */
  readonly hasTable: boolean;
  readonly faults: readonly LineageFault[];
}

/** What was found, and what of other schemas is in the way of joins. */
export interface LineageReport {
  readonly applied: boolean;
  readonly schemas: readonly SchemaLineage[];
  readonly notes: readonly string[];
}

/** Compares, and changes nothing. */
export async function compareLineage(db: Queryable, schemas: readonly string[]): Promise<LineageReport> {
  const sides = await readSides(db, schemas);
  return {
    applied: false,
    schemas: schemas.map((schema) => faultsOf(sides, schema)),
    notes: notesOf(sides, schemas),
  };
}

/** Mends all of it in one transaction; declarations of tables wait for it. */
export async function rebuildLineage(
  db: Database,
  schemas: readonly string[],
  patienceMs = 60_000,
): Promise<LineageReport> {
  return withPatience(
    db,
    patienceMs,
    async (transaction) => {
      await transaction.query(
        "SET LOCAL standard_conforming_strings = on; SET LOCAL client_min_messages = warning",
      );
      const before = await compareLineage(transaction, schemas);
      for (const { schema, hasTable } of before.schemas) {
        if (!hasTable) await transaction.query(createLineageTable(schema));
        await transaction.query(`LOCK TABLE ${qualified(schema, "~lineage")} IN SHARE ROW EXCLUSIVE MODE`);
      }
      // As it is now that nobody else writes it.
      const report = await compareLineage(transaction, schemas);
      for (const { schema, faults } of report.schemas)
        for (const text of lineageStatements(schema, faults)) await transaction.query(text);
      const made = new Set(before.schemas.filter(({ hasTable }) => !hasTable).map(({ schema }) => schema));
      const told = report.schemas.map((one) => ({ ...one, hasTable: !made.has(one.schema) }));
      return { applied: true, schemas: told, notes: report.notes };
    },
    { lockTimeoutMs: 500 },
  );
}

/** The schemas, and all schemas that their foreign keys lead to, through any number. */
async function readSides(db: Queryable, schemas: readonly string[]): Promise<LineageSides> {
  const wanted = new Set(schemas);
  for (;;) {
    const catalog = await readCatalog(db, [...wanted]);
    const before = wanted.size;
    for (const table of catalog.tables.values()) for (const key of table.foreignKeys) wanted.add(key.schema);
    if (wanted.size === before) return { catalog, jobs: await readJobTables(db, schemas) };
  }
}

async function readJobTables(db: Queryable, schemas: readonly string[]): Promise<readonly JobTable[]> {
  const { rows } = await db.query<JobTable>(
    `SELECT n.nspname::text AS schema, c.relname::text AS name,
       ARRAY(SELECT a.attname::text FROM pg_index i CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS key (num, at)
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = key.num WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY key.at) AS key
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ANY ($1::text[]) AND c.relkind = 'r' AND c.relname LIKE '~~%' ORDER BY 1, 2`,
    [schemas],
  );
  return rows;
}

function faultsOf(sides: LineageSides, schema: string): SchemaLineage {
  return { schema, hasTable: sides.catalog.lineage.has(schema), faults: lineageFaults(sides, schema) };
}

/** Schemas that were not named, and whose rows would keep joins from working. */
function notesOf(sides: LineageSides, schemas: readonly string[]): readonly string[] {
  const others = othersOf(sides.catalog, schemas);
  return others.flatMap((schema) => {
    const faults = lineageFaults(sides, schema).filter(({ table }) => !table.startsWith("~"));
    if (faults.length === 0) return [];
    return [
      `The lineage of ${schema}, which tables here refer to, has ${faults.length} faults of its own: name it too.`,
    ];
  });
}

function othersOf(catalog: Catalog, schemas: readonly string[]): readonly string[] {
  return [...catalog.lineage.keys()].filter((schema) => !schemas.includes(schema)).sort();
}
