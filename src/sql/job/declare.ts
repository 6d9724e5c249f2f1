/** The SQL that makes a table of jobs, statement by statement as the peer makes its own. @source DataJoint 2.3.5, `jobs.py` */

import type { Column, Model } from "../../model/model.ts";
import { enumTypeName } from "../../model/naming.ts";
import { comparableType } from "../column-type.ts";
import { columnComment } from "../comment.ts";
import { createEnum, plainTableStatements } from "../ddl.ts";
import { indexName } from "../indexes.ts";
import { createLineageTable } from "../lineage.ts";
import { originOf } from "../origin.ts";
import { identifier, literal, qualified } from "../quote.ts";
import { wantedTables } from "../table.ts";
import type { WantedColumn, WantedTable } from "../wanted.ts";
import type { JobSubject } from "./subject.ts";

/** What a job can be, in the peer's order. */
export const jobStatuses = ["pending", "reserved", "success", "error", "ignore"] as const;

const statusSpec = `enum(${jobStatuses.map(literal).join(", ")})`;
/** Characters of a message; the rest is cut. */
export const messageLength = 2047;
/** Characters of a version of the code. */
export const versionLength = 64;

/** Columns behind the key: name, spec, PostgreSQL type, default (`undefined`: none, null: `DEFAULT NULL`). */
const columns: readonly (readonly [string, string, string, string | null | undefined])[] = [
  ["priority", "int8", "smallint", undefined],
  ["created_time", "datetime(3)", "timestamp(3)", "CURRENT_TIMESTAMP(3)"],
  ["scheduled_time", "datetime(3)", "timestamp(3)", "CURRENT_TIMESTAMP(3)"],
  ["reserved_time", "datetime(3)", "timestamp(3)", null],
  ["completed_time", "datetime(3)", "timestamp(3)", null],
  ["duration", "float64", "double precision", null],
  ["error_message", `varchar(${messageLength})`, `varchar(${messageLength})`, ""],
  ["error_stack", "<blob>", "bytea", null],
  ["user", "varchar(255)", "varchar(255)", ""],
  ["host", "varchar(255)", "varchar(255)", ""],
  ["pid", "int32", "integer", "0"],
  ["connection_id", "int64", "bigint", "0"],
  ["version", `varchar(${versionLength})`, `varchar(${versionLength})`, ""],
];

/** Columns that every table of jobs has behind its key. */
export const jobColumns: readonly string[] = ["status", ...columns.map(([name]) => name)];

/** The table of jobs as it is declared; its columns of keys have the types of the subject's own. */
export function jobTableWanted(model: Model, subject: JobSubject): WantedTable {
  const { entity, table, key } = subject;
  const { schema } = entity;
  const own = wantedTables({ ...model, entities: [entity] })[0]?.columns ?? [];
  const keys = key.flatMap((column) =>
    own
      .filter(({ name }) => name === column.name)
      .map((wanted) => ({ ...wanted, ...declared, comment: keyComment(model, subject, column) })),
  );
  return {
    entity: entity.name,
    schema,
    name: table,
    comment: `Job queue for ${qualified(schema, entity.table)}`,
    columns: [...keys, statusColumn(schema), ...columns.map(plainColumn)],
    key: key.map(({ name }) => name),
    indexes: [{ columns: ["status", "priority", "scheduled_time"], unique: false }],
    foreignKeys: [],
    lineage: new Map(key.map(({ name }) => [name, `${schema}.${table}.${name}`])),
    renamedFrom: undefined,
    renamedFromEntity: undefined,
    master: undefined,
  };
}

const declared = { nullable: false, default: undefined, isReference: false, renamedFrom: undefined };

function statusColumn(schema: string): WantedColumn {
  const name = enumTypeName(jobStatuses);
  const type = qualified(schema, name);
  const found = { schema, name, labels: jobStatuses };
  const comment = columnComment(statusSpec, "");
  return { name: "status", type, comparable: type, enum: found, comment, codec: undefined, ...declared };
}

function plainColumn([name, spec, type, value]: (typeof columns)[number]): WantedColumn {
  return {
    name,
    type,
    comparable: comparableType(type),
    enum: undefined,
    comment: columnComment(spec, ""),
    codec: undefined,
    ...declared,
    nullable: value === null,
    default: value,
  };
}

/**
 * The peer declares a column of the key anew, from what PostgreSQL says of its type. Of types that it cannot declare so (times, floats of
 * eight bytes, booleans, enums) the comment has the spec of the attribute that they come from: with that it can read them.
 */
function keyComment(model: Model, { entity }: JobSubject, column: Column): string | null {
  const origin = originOf(model, entity, column).column.type;
  if (column.origin === "attribute") return origin.native === true ? null : columnComment(origin.spec, "");
  const type = /^(smallint|integer|bigint|real|text)$/.exec(origin.sql)?.[0];
  if (type !== undefined) return columnComment(type, "");
  const sized = /^(numeric|varchar|char)(\(.+\))$/.exec(origin.sql);
  if (sized?.[2] !== undefined) return sizedComment(sized[1] ?? "", sized[2]);
  return origin.native === true ? null : columnComment(origin.spec, "");
}

function sizedComment(type: string, size: string): string | null {
  if (type !== "numeric") return columnComment(`${type}${size}`, "");
  // Without a scale it is a native type to the peer.
  return /,\s*0*\)$/.test(size) ? null : columnComment(`decimal${size.replaceAll(" ", "")}`, "");
}

/** The statements that make the table, where it is not there; `hasType`: its enum is. */
export function declareJobs(wanted: WantedTable, { hasType }: { readonly hasType: boolean }): string[] {
  const types = wanted.columns.flatMap((column) => (column.enum === undefined ? [] : [column.enum]));
  const status = types.find(({ name }) => name === enumTypeName(jobStatuses));
  const index = indexName(wanted.name, wanted.indexes[0]?.columns ?? []);
  return [
    ...(status === undefined || hasType ? [] : [createEnum(status)]),
    createLineageTable(wanted.schema),
    ...plainTableStatements(wanted, [], [index]),
  ];
}

/** The columns and the key of the table of jobs, whether its enum is there, and the columns of metadata in the target. */
export function lookForJobs({ entity, table }: JobSubject): string {
  const names = (of: string, like: string) =>
    `ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass(${literal(of)}) AND attnum > 0 AND NOT attisdropped${like})`;
  const jobs = qualified(entity.schema, table);
  const inKey = ` AND attnum = ANY (SELECT unnest(indkey::int2[]) FROM pg_index WHERE indrelid = to_regclass(${literal(jobs)}) AND indisprimary)`;
  const type = qualified(entity.schema, enumTypeName(jobStatuses));
  return (
    `SELECT ${names(jobs, "")} AS columns, ${names(jobs, inKey)} AS key, to_regtype(${literal(type)}) IS NOT NULL AS "hasType", ` +
    `${names(qualified(entity.schema, entity.table), String.raw` AND attname LIKE '\_job\_%'`)} AS metadata`
  );
}

/** Held while the table is made or refreshed: two requests that do so at once would wait for each other's rows. */
export function lockJobs({ entity, table }: JobSubject): string {
  const place = literal(`${identifier(entity.schema)}.${identifier(table)}`);
  return `SELECT pg_advisory_xact_lock(hashtextextended('holdfast jobs ' || ${place}, 0))`;
}
