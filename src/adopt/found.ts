/** The columns of some schemas that hold references to stores, by their comments, and what of adoption is there already. */

import type { Queryable } from "../db/contract.ts";
import { codecOfSpec, parseComment } from "../sql/comment.ts";
import { pathCheck, referenceColumn } from "../sql/hidden.ts";
import { qualified } from "../sql/quote.ts";
import type { ColumnState } from "./contract.ts";

/** What is there of a column's adoption. */
export interface Pieces {
  /** Absent, or no generated column. */
  readonly column: "none" | "ours" | "other";
  readonly check: boolean;
  readonly trigger: boolean;
  readonly key: "none" | "not validated" | "valid";
  readonly index: "none" | "invalid" | "valid";
  /** Of an index that was not finished. */
  readonly invalidIndex: string | null;
  readonly pathCheck: boolean;
}

export interface FoundColumn {
  readonly name: string;
  readonly spec: string;
  /** From the comment; `""` is the default store. */
  readonly store: string;
  readonly isExternal: boolean;
  /** PostgreSQL's type. */
  readonly type: string;
  readonly pieces: Pieces;
}

export interface FoundTable {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  /** `pg_class.relkind` */
  readonly kind: string;
  readonly key: readonly string[];
  readonly estimatedRows: number;
  readonly bytes: string;
  readonly owner: string;
  readonly isOwner: boolean;
  readonly isReadable: boolean;
  readonly isRowSecured: boolean;
  readonly mayCreate: boolean;
  readonly inherits: boolean;
  /** Hidden references of columns that have another name by now, or are gone. */
  readonly stale: readonly string[];
  readonly columns: readonly FoundColumn[];
}

interface Row extends Omit<FoundTable, "columns" | "stale"> {
  /** Names of all its columns. */
  readonly names: readonly string[];
  /** Hidden references that columns or triggers are there for. */
  readonly references: readonly string[];
  readonly column: string;
  readonly type: string;
  readonly comment: string;
}

const columnsText = `
  SELECT c.oid::text AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind, a.attname::text AS column,
    format_type(a.atttypid, a.atttypmod) AS type, col_description(c.oid, a.attnum) AS comment,
    c.reltuples::float8 AS "estimatedRows", CASE WHEN c.relkind IN ('r', 'm') THEN pg_table_size(c.oid) ELSE 0 END::text AS bytes,
    pg_get_userbyid(c.relowner)::text AS owner, pg_has_role(c.relowner, 'USAGE') AS "isOwner", has_table_privilege(c.oid, 'SELECT') AS "isReadable",
    row_security_active(c.oid) AS "isRowSecured", has_schema_privilege(n.oid, 'CREATE') AS "mayCreate",
    EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)) AS inherits,
    ARRAY(SELECT k.attname::text FROM pg_index p CROSS JOIN unnest(p.indkey::int2[]) WITH ORDINALITY AS key (num, at)
      JOIN pg_attribute k ON k.attrelid = p.indrelid AND k.attnum = key.num WHERE p.indrelid = c.oid AND p.indisprimary ORDER BY key.at) AS key,
    ARRAY(SELECT x.attname::text FROM pg_attribute x WHERE x.attrelid = c.oid AND x.attnum > 0 AND NOT x.attisdropped) AS names,
    ARRAY(SELECT x.attname::text FROM pg_constraint k JOIN pg_class h ON h.oid = k.confrelid AND h.relname = '~object'
        JOIN pg_attribute x ON x.attrelid = k.conrelid AND x.attnum = k.conkey[1] AND x.attgenerated = 's' WHERE k.conrelid = c.oid AND k.contype = 'f'
      UNION SELECT substr(r.tgname, 5)::text FROM pg_trigger r JOIN pg_proc f ON f.oid = r.tgfoid AND f.proname LIKE 'touch\\_%' JOIN pg_namespace fn ON fn.oid = f.pronamespace AND fn.nspname = 'holdfast'
        WHERE r.tgrelid = c.oid AND NOT r.tgisinternal AND r.tgname LIKE '\\_obj%') AS references
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY ($1::text[])
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND ($2::oid IS NULL OR c.oid = $2) AND col_description(c.oid, a.attnum) ~ '^:<[^>]*@'
  ORDER BY n.nspname, c.relname, a.attnum`;

const piecesText = `
  SELECT coalesce(g.kind, 'none') AS column, g.trigger, g.key, g.index, g."invalidIndex", g.check, g."pathCheck"
  FROM unnest($1::oid[], $2::text[], $3::text[]) WITH ORDINALITY AS t (oid, ref, path, n)
  CROSS JOIN LATERAL (
    SELECT (SELECT CASE a.attgenerated WHEN 's' THEN 'ours' ELSE 'other' END FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = t.ref AND NOT a.attisdropped) AS kind,
      EXISTS (SELECT FROM pg_trigger r WHERE r.tgrelid = t.oid AND r.tgname = '_obj' || t.ref AND r.tgenabled IN ('O', 'A')) AS trigger,
      EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = t.oid AND k.contype = 'c' AND k.conname = t.ref || '_ck') AS check,
      EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = t.oid AND k.contype = 'c' AND k.conname = t.path) AS "pathCheck",
      coalesce((SELECT CASE WHEN bool_or(k.convalidated) THEN 'valid' ELSE 'not validated' END FROM pg_constraint k JOIN pg_class h ON h.oid = k.confrelid AND h.relname = '~object'
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] WHERE k.conrelid = t.oid AND k.contype = 'f' AND cardinality(k.conkey) = 1 AND a.attname = t.ref HAVING count(*) > 0), 'none') AS key,
      coalesce((SELECT CASE WHEN bool_or(i.indisvalid) THEN 'valid' ELSE 'invalid' END FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = t.oid AND i.indnkeyatts = 1 AND a.attname = t.ref HAVING count(*) > 0), 'none') AS index,
      (SELECT x.relname::text FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = t.oid AND i.indnkeyatts = 1 AND a.attname = t.ref AND NOT i.indisvalid ORDER BY 1 LIMIT 1) AS "invalidIndex") AS g
  ORDER BY t.n`;

/** Every relation of the schemas that has such a column, in order of the names. */
export async function findTables(
  db: Queryable,
  schemas: readonly string[],
  oid: string | null = null,
): Promise<readonly FoundTable[]> {
  const { rows } = await db.query<Row>(columnsText, [schemas, oid]);
  const { rows: pieces } = await db.query<Pieces>(piecesText, [
    rows.map(({ oid }) => oid),
    rows.map(({ column }) => referenceColumn(column)),
    rows.map(({ column }) => pathCheck(column)),
  ]);
  const columns = rows.flatMap((row, at) => {
    const piece = pieces[at];
    return piece === undefined ? [] : [{ row, column: columnOf(row, piece) }];
  });
  return [...Map.groupBy(columns, ({ row }) => row.oid).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { column: _, type: __, comment: ___, names, references, ...table } = first.row;
    const wanted = new Set(names.map(referenceColumn));
    const stale = references.filter((name) => !wanted.has(name));
    return [{ ...table, stale, columns: group.map(({ column }) => column) }];
  });
}

/** One table as it is now; `undefined` when it is gone. */
export async function findTable(db: Queryable, table: FoundTable): Promise<FoundTable | undefined> {
  const [found] = await findTables(db, [table.schema], table.oid);
  return found;
}

function columnOf({ column, type, comment }: Row, pieces: Pieces): FoundColumn {
  const spec = parseComment(comment).spec ?? "";
  const store = codecOfSpec(spec)?.store ?? /@([^>]*)>?$/.exec(spec)?.[1] ?? "";
  return { name: column, spec, store, isExternal: spec.startsWith("<filepath@"), type, pieces };
}

/** How far a column is, and what is missing of it. */
export function stateOf(column: FoundColumn): {
  readonly state: ColumnState;
  readonly steps: readonly string[];
} {
  const { pieces, isExternal } = column;
  if (isExternal)
    return pieces.pathCheck
      ? { state: "adopted", steps: [] }
      : { state: "not adopted", steps: ["check of new paths"] };
  const steps = [
    ...(pieces.column === "ours" && pieces.check && pieces.trigger
      ? []
      : ["hidden reference, check and trigger"]),
    ...(pieces.key === "none" ? ["foreign key"] : []),
    ...(pieces.index === "valid" ? [] : ["index"]),
    ...(pieces.key === "valid" ? [] : ["objects of the rows", "validation"]),
  ];
  if (steps.length === 0) return { state: "adopted", steps };
  const isBegun = pieces.column === "ours" || pieces.trigger;
  return { state: isBegun ? "begun" : "not adopted", steps };
}

/** Whether the table is written anew by what is missing. */
export function isRewritten(table: FoundTable): boolean {
  return table.columns.some(({ isExternal, pieces }) => !isExternal && pieces.column !== "ours");
}

/** `schema.table` for people. */
export function nameOf({ schema, name }: Pick<FoundTable, "schema" | "name">): string {
  return `${schema}.${name}`;
}

/** As SQL writes it. */
export function sqlName({ schema, name }: Pick<FoundTable, "schema" | "name">): string {
  return qualified(schema, name);
}
