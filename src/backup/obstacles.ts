/** What stands in a backup's way: whatever is in the tables' schemas and could not be made again from the schema file and the facts. */

import { driftOf } from "../db/apply.ts";
import type { Queryable } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { referenceColumn } from "../sql/hidden.ts";
import { jobColumns } from "../sql/job/declare.ts";
import { type JobSubject, jobSubjects } from "../sql/job/subject.ts";
import { lineageTable } from "../sql/lineage.ts";
import { wantedTables } from "../sql/table.ts";
import { watchTriggers } from "../sql/watch.ts";
import { idOf, type TableName } from "./facts.ts";

/** The hold table of a schema. */
export const holdTable = "~object";

/** One thing that a backup cannot carry. */
interface Obstacle {
  /** `schema`, `schema.table` or `schema.table.trigger`: what `--leave-out` takes. Absent: it cannot be left out. */
  readonly name?: string;
  readonly message: string;
}

interface FoundRow {
  readonly name: string;
  readonly what: string;
}

const relationKinds = `CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END`;

/** What no schema file says; known tables are left aside. */
const strangersText = `
  SELECT n.nspname || '.' || c.relname AS name, ${relationKinds} AS what
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
      AND n.nspname || chr(1) || c.relname <> ALL ($2::text[])
  UNION ALL
  SELECT n.nspname || '.' || p.proname, 'function' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY ($1::text[])
  UNION ALL
  SELECT n.nspname || '.' || t.typname, 'type' FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_class c ON c.oid = t.typrelid WHERE n.nspname = ANY ($1::text[]) AND (t.typtype IN ('d', 'r') OR c.relkind = 'c')
  UNION ALL
  SELECT n.nspname || '.' || c.relname || '.' || g.tgname, 'trigger' FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname || chr(1) || c.relname = ANY ($2::text[]) AND NOT g.tgisinternal AND NOT (g.tgname = ANY ($3::text[]))
      AND g.tgfoid NOT IN (SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'holdfast'::regnamespace)
  UNION ALL
  SELECT n.nspname || '.' || c.relname || '.' || r.polname, 'row security policy' FROM pg_policy r JOIN pg_class c ON c.oid = r.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname || chr(1) || c.relname = ANY ($2::text[])
  ORDER BY 1`;

/** Generated columns and identity columns are ours, or cannot be made again. */
const columnsText = `
  SELECT n.nspname || '.' || c.relname || '.' || a.attname AS name, CASE a.attgenerated WHEN '' THEN 'identity column' ELSE 'generated column' END AS what,
    a.attname::text AS column
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname || chr(1) || c.relname = ANY ($1::text[]) AND a.attnum > 0 AND NOT a.attisdropped AND (a.attgenerated <> '' OR a.attidentity <> '') ORDER BY 1`;

const otherSchemasText = `
  SELECT s.name, 'schema of the schema file ' || min(s.owner) AS what FROM (
    SELECT schema_name::text AS name, owner::text AS owner FROM holdfast.applied_table
    UNION ALL SELECT n.nspname::text, '(none: adopted)' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = '${holdTable}') s
  WHERE s.name <> ALL ($1::text[]) GROUP BY 1 ORDER BY 1`;

/** The tables of a model that are in the database, and those that are kept beside them: Holdfast's, and the jobs of workers. */
export async function tablesOf(db: Queryable, model: Model): Promise<readonly TableName[]> {
  const tables = wantedTables(model).map(({ schema, name }) => ({ schema, table: name }));
  const schemas = [...new Set(tables.map(({ schema }) => schema))].sort();
  const jobs = new Map(
    jobSubjects(model).map((subject) => [
      idOf({ schema: subject.entity.schema, table: subject.table }),
      subject,
    ]),
  );
  const beside = [lineageTable, holdTable, ...[...jobs.values()].map(({ table }) => table)];
  const { rows } = await db.query<TableName & { columns: string[] }>(
    `SELECT n.nspname::text AS schema, c.relname::text AS "table",
       ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ANY ($1::text[]) AND c.relkind = 'r' AND c.relname = ANY ($2::text[]) ORDER BY 1, 2 DESC`,
    [schemas, beside],
  );
  const found = rows.filter(({ schema, table, columns }) => {
    if (table === lineageTable || table === holdTable) return true;
    const subject = jobs.get(idOf({ schema, table }));
    // One of another form could not be made again.
    return subject !== undefined && isJobTable(subject, columns);
  });
  return [...found.map(({ schema, table }) => ({ schema, table })), ...tables];
}

function isJobTable({ key }: JobSubject, columns: readonly string[]): boolean {
  const wanted = [...key.map(({ name }) => name), ...jobColumns];
  return JSON.stringify(wanted.sort()) === JSON.stringify([...columns].sort());
}

/** Refuses what the file could not bring back. @throws {CONFLICT} with every obstacle. */
export async function refuseObstacles(
  db: Queryable,
  model: Model,
  { tables, leaveOut }: { readonly tables: readonly TableName[]; readonly leaveOut: readonly string[] },
): Promise<void> {
  const left = new Set(leaveOut);
  const found = [...(await driftObstacles(db, model)), ...(await strangers(db, tables))];
  const unnamed = leaveOut.filter((name) => !found.some((one) => one.name === name));
  const standing = found.filter(({ name }) => name === undefined || !left.has(name));
  const [wrong] = unnamed;
  if (wrong !== undefined && standing.length === 0) {
    throw new ServiceError("BAD_USER_INPUT", `There is no ${wrong} that would have to be left out.`, {
      details: { field: "--leave-out", value: wrong, remedy: "Leave the option away." },
    });
  }
  if (standing.length === 0) return;
  const names = standing.flatMap(({ name }) => (name === undefined ? [] : [`--leave-out '${name}'`]));
  const remedies = [
    "Describe it in the schema file (holdfast apply), or remove it.",
    ...(names.length > 0 ? [`To do without, give: ${names.join(" ")}`] : []),
  ];
  throw new ServiceError(
    "CONFLICT",
    `The schema file does not say all that is in the database: ${standing.map(({ message }) => message).join("; ")}.`,
    { details: { problems: standing.map(({ message }) => message), remedy: remedies.join(" ") } },
  );
}

/** Unknown tables are told with what else is unknown, and columns that nobody describes are in the facts. */
async function driftObstacles(db: Queryable, model: Model): Promise<Obstacle[]> {
  const carried = new Set(["extra-column", "hidden-column", "unwatched-table"]);
  const drift = await driftOf(db, model);
  const unknown = (message: string): boolean => message.startsWith("Table that the model does not know");
  return drift
    .filter(({ kind, message }) => !carried.has(kind) && !unknown(message))
    .map(({ message }) => ({ message }));
}

async function strangers(db: Queryable, tables: readonly TableName[]): Promise<Obstacle[]> {
  const schemas = [...new Set(tables.map(({ schema }) => schema))];
  const known = tables.map((table) => idOf(table).replace("\0", "\u0001"));
  const others = await db.query<FoundRow>(otherSchemasText, [schemas]);
  const inside = await db.query<FoundRow>(strangersText, [schemas, known, watchTriggers]);
  const columns = await db.query<FoundRow & { column: string }>(columnsText, [known]);
  const names = await db.query<{ name: string }>(
    `SELECT a.attname::text AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname || chr(1) || c.relname = ANY ($1::text[]) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''`,
    [known],
  );
  const ours = new Set(names.rows.map(({ name }) => referenceColumn(name)));
  return [
    ...[...others.rows, ...inside.rows].map(({ name, what }) => ({ name, message: `the ${what} ${name}` })),
    ...columns.rows
      .filter(({ column }) => !ours.has(column))
      .map(({ name, what }) => ({ message: `the ${what} ${name}` })),
  ];
}
