/**
 * What the catalog says of the tables beyond what a schema file can say: their exact columns, indexes, constraints and sequences. A restore
 * makes the tables from the schema file, then makes them equal to this.
 */

import type { Queryable } from "../db/contract.ts";

export interface ColumnFacts {
  readonly name: string;
  readonly type: string;
  readonly isNotNull: boolean;
  /** As SQL. */
  readonly default: string | null;
  readonly comment: string | null;
  /** Where its values are objects that are guarded: the store of those that name none. Absent in files of the first version. */
  readonly guard?: string | null;
}

/** An index, constraint or trigger: its name, and the SQL that makes it. */
export interface NamedSql {
  readonly name: string;
  readonly sql: string;
}

export interface TableFacts {
  readonly schema: string;
  readonly table: string;
  readonly comment: string | null;
  /** But for generated ones, whose values are not rows' own. */
  readonly columns: readonly ColumnFacts[];
  /** But for those that constraints bring. */
  readonly indexes: readonly NamedSql[];
  /** CHECK, UNIQUE and EXCLUDE. */
  readonly rules: readonly NamedSql[];
  readonly foreignKeys: readonly NamedSql[];
  /** Those that forget a copy whose source changes, while a field changes its codec. Absent in files of the first version. */
  readonly copyTriggers?: readonly NamedSql[];
}

export interface SequenceFacts {
  readonly schema: string;
  readonly name: string;
  /** `AS bigint INCREMENT BY 1 …` */
  readonly options: string;
  /** Absent: nobody has asked it yet. */
  readonly last: string | null;
  readonly ownedBy: { readonly table: string; readonly column: string } | null;
}

export interface EnumFacts {
  readonly schema: string;
  readonly name: string;
  readonly labels: readonly string[];
}

export interface SchemaFacts {
  readonly schemas: readonly string[];
  readonly tables: readonly TableFacts[];
  readonly enums: readonly EnumFacts[];
  readonly sequences: readonly SequenceFacts[];
}

/** A table by its names. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
}

const wanted = `unnest($1::text[], $2::text[]) AS w (schema, "table")
  JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w."table"`;
const ofTable = `n.nspname::text AS schema, c.relname::text AS "table"`;

const columnsText = `SELECT ${ofTable}, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS "isNotNull",
    pg_get_expr(d.adbin, d.adrelid) AS "default", col_description(a.attrelid, a.attnum) AS comment,
    (SELECT s.name FROM pg_attribute r JOIN pg_attrdef e ON e.adrelid = r.attrelid AND e.adnum = r.attnum
       JOIN holdfast.store s ON position(format(', %L::text)', s.name) IN pg_get_expr(e.adbin, e.adrelid)) > 0
     WHERE r.attrelid = a.attrelid AND r.attname = holdfast.ref_name(a.attname) AND r.attgenerated = 's') AS guard
  FROM ${wanted} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum ORDER BY 1, 2, a.attnum`;

const commentsText = `SELECT ${ofTable}, obj_description(c.oid, 'pg_class') AS comment FROM ${wanted} ORDER BY 1, 2`;

const indexesText = `SELECT ${ofTable}, x.relname::text AS name, pg_get_indexdef(x.oid) AS sql
  FROM ${wanted} JOIN pg_index i ON i.indrelid = c.oid AND i.indisvalid JOIN pg_class x ON x.oid = i.indexrelid
  WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) ORDER BY 1, 2, 3`;

const constraintsText = `SELECT ${ofTable}, k.contype::text AS kind, k.conname::text AS name, pg_get_constraintdef(k.oid) AS sql
  FROM ${wanted} JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('c', 'u', 'x', 'f') AND k.conparentid = 0 ORDER BY 1, 2, 4`;

const copyTriggersText = `SELECT ${ofTable}, g.tgname::text AS name, pg_get_triggerdef(g.oid) AS sql
  FROM ${wanted} JOIN pg_trigger g ON g.tgrelid = c.oid AND g.tgfoid = 'holdfast.forget_copy()'::regprocedure ORDER BY 1, 2, 3`;

const enumsText = `SELECT n.nspname::text AS schema, t.typname::text AS name,
    ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = ANY ($1::text[]) AND t.typtype = 'e' ORDER BY 1, 2`;

// The value itself is no matter of the snapshot: read after it, it is never behind the rows.
const sequencesText = `SELECT s.schemaname::text AS schema, s.sequencename::text AS name,
    format('AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s %s', s.data_type, s.increment_by, s.min_value, s.max_value,
      s.start_value, s.cache_size,
      CASE WHEN s.cycle THEN 'CYCLE' ELSE 'NO CYCLE' END) AS options, s.last_value::text AS last,
    t.relname::text AS "ownerTable", a.attname::text AS "ownerColumn"
  FROM pg_sequences s JOIN pg_namespace n ON n.nspname = s.schemaname JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.sequencename
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a'
  LEFT JOIN pg_class t ON t.oid = d.refobjid LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
  WHERE s.schemaname = ANY ($1::text[]) ORDER BY 1, 2`;

interface SequenceRow extends Omit<SequenceFacts, "ownedBy"> {
  readonly ownerTable: string | null;
  readonly ownerColumn: string | null;
}

/** Reads the facts of these tables, and of the enum types and sequences of their schemas. `search_path` must be `pg_catalog`. */
export async function readFacts(db: Queryable, names: readonly TableName[]): Promise<SchemaFacts> {
  const values = [names.map(({ schema }) => schema), names.map(({ table }) => table)];
  const schemas = [...new Set(names.map(({ schema }) => schema))];
  const comments = await db.query<TableName & { comment: string | null }>(commentsText, values);
  const columns = grouped(await db.query<TableName & ColumnFacts>(columnsText, values));
  const indexes = grouped(await db.query<TableName & NamedSql>(indexesText, values));
  const constraints = grouped(
    await db.query<TableName & NamedSql & { kind: string }>(constraintsText, values),
  );
  const triggers = grouped(await db.query<TableName & NamedSql>(copyTriggersText, values));
  const enums = await db.query<EnumFacts>(enumsText, [schemas]);
  const sequences = await db.query<SequenceRow>(sequencesText, [schemas]);
  const tables = comments.rows.map(({ schema, table, comment }): TableFacts => {
    const id = idOf({ schema, table });
    const own = constraints.get(id) ?? [];
    return {
      schema,
      table,
      comment,
      columns: (columns.get(id) ?? []).map(({ schema: _, table: __, ...column }) => column),
      indexes: (indexes.get(id) ?? []).map(named),
      rules: own.filter(({ kind }) => kind !== "f").map(named),
      foreignKeys: own.filter(({ kind }) => kind === "f").map(named),
      copyTriggers: (triggers.get(id) ?? []).map(named),
    };
  });
  return { schemas, tables, enums: enums.rows, sequences: sequences.rows.map(sequenceOf) };
}

/** A table's names as one key. */
export function idOf({ schema, table }: TableName): string {
  return `${schema}\0${table}`;
}

function grouped<Row extends TableName>({ rows }: { readonly rows: Row[] }): Map<string, Row[]> {
  return Map.groupBy(rows, idOf);
}

function named({ name, sql }: NamedSql): NamedSql {
  return { name, sql };
}

function sequenceOf({ ownerTable, ownerColumn, ...sequence }: SequenceRow): SequenceFacts {
  const ownedBy =
    ownerTable === null || ownerColumn === null ? null : { table: ownerTable, column: ownerColumn };
  return { ...sequence, ownedBy };
}
