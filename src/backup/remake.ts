/** SQL that makes tables, as an apply of the schema file has left them, equal to what they were when they were backed up. */

import { adoptColumn } from "../sql/hidden.ts";
import { identifier, literal, qualified } from "../sql/quote.ts";
import { watchTriggers } from "../sql/watch.ts";
import { type ColumnFacts, idOf, type SchemaFacts, type SequenceFacts, type TableFacts } from "./facts.ts";

/** Tables that hold rows of users; those that Holdfast keeps beside them are as they are. */
function userTables(facts: SchemaFacts): readonly TableFacts[] {
  return facts.tables.filter(({ table }) => !table.startsWith("~"));
}

/** Adds columns that no schema file says, with the guards of those that have one: values of another codec, or that are to be replaced. */
export function addColumns(wanted: SchemaFacts, made: SchemaFacts): string[] {
  const madeTables = new Map(made.tables.map((table) => [idOf(table), table]));
  return userTables(wanted).flatMap((table) => {
    const there = new Set(madeTables.get(idOf(table))?.columns.map(({ name }) => name));
    return table.columns.filter(({ name }) => !there.has(name)).flatMap((column) => addColumn(table, column));
  });
}

function addColumn({ schema, table }: TableFacts, { name, type, guard }: ColumnFacts): string[] {
  const add = `ALTER TABLE ${qualified(schema, table)} ADD COLUMN ${identifier(name)} ${type}`;
  const isGuarded = guard !== undefined && guard !== null;
  return isGuarded ? [add, adoptColumn({ schema, table, column: name }, guard)] : [add];
}

/**
 * What is done before the rows come, where all columns are: sequences, columns, defaults and comments as they were, and no index, rule, reference or record of
 * changes, which are faster and possible in any order afterwards.
 */
export function beforeRows(wanted: SchemaFacts, made: SchemaFacts): string[] {
  const madeTables = new Map(made.tables.map((table) => [idOf(table), table]));
  const madeSequences = new Set(made.sequences.map(({ schema, name }) => qualified(schema, name)));
  const tables = userTables(made);
  return [
    ...wanted.sequences
      .filter(({ schema, name }) => !madeSequences.has(qualified(schema, name)))
      .map(({ schema, name, options }) => `CREATE SEQUENCE ${qualified(schema, name)} ${options}`),
    ...userTables(wanted).flatMap((table) => columnChanges(table, madeTables.get(idOf(table)))),
    ...wanted.sequences.flatMap(sequenceState),
    ...tables.flatMap((table) => dropped(table, table.foreignKeys)),
    ...tables.flatMap((table) => dropped(table, table.rules)),
    ...tables.flatMap(({ schema, indexes }) =>
      indexes.map(({ name }) => `DROP INDEX ${qualified(schema, name)}`),
    ),
    ...tables.flatMap((table) => triggers(table, "DISABLE")),
  ];
}

/** What is done when all rows are there. References are validated by the rows as a whole. */
export function afterRows(wanted: SchemaFacts): string[] {
  const tables = userTables(wanted);
  return [
    ...tables.flatMap(({ indexes }) => indexes.map(({ sql }) => sql)),
    ...tables.flatMap((table) => added(table, table.rules)),
    ...tables.flatMap((table) => added(table, table.foreignKeys)),
    ...tables.flatMap((table) => triggers(table, "ENABLE")),
    ...tables.flatMap(({ copyTriggers = [] }) => copyTriggers.map(({ sql }) => sql)),
  ];
}

function columnChanges(wanted: TableFacts, made: TableFacts | undefined): string[] {
  const table = tableOf(wanted);
  const there = new Map(made?.columns.map((column) => [column.name, column]));
  const comment =
    wanted.comment === made?.comment ? [] : [`COMMENT ON TABLE ${table} IS ${textOrNull(wanted.comment)}`];
  return [
    ...comment,
    ...wanted.columns.flatMap((column) => columnChange(table, column, there.get(column.name))),
  ];
}

function columnChange(table: string, wanted: ColumnFacts, made: ColumnFacts | undefined): string[] {
  const name = identifier(wanted.name);
  const { default: value, isNotNull, comment } = wanted;
  const alter = `ALTER TABLE ${table} ALTER COLUMN ${name}`;
  const changes: string[] = [];
  if (value !== (made?.default ?? null))
    changes.push(value === null ? `${alter} DROP DEFAULT` : `${alter} SET DEFAULT ${value}`);
  if (isNotNull !== (made?.isNotNull ?? false))
    changes.push(`${alter} ${isNotNull ? "SET" : "DROP"} NOT NULL`);
  if (comment !== (made?.comment ?? null))
    changes.push(`COMMENT ON COLUMN ${table}.${name} IS ${textOrNull(comment)}`);
  return changes;
}

function sequenceState({ schema, name, last, ownedBy }: SequenceFacts): string[] {
  const sequence = qualified(schema, name);
  return [
    ...(ownedBy === null
      ? []
      : [
          `ALTER SEQUENCE ${sequence} OWNED BY ${qualified(schema, ownedBy.table)}.${identifier(ownedBy.column)}`,
        ]),
    ...(last === null ? [] : [`SELECT setval(${literal(sequence)}::regclass, ${BigInt(last)}, true)`]),
  ];
}

function dropped(table: TableFacts, constraints: TableFacts["rules"]): string[] {
  return constraints.map(({ name }) => `ALTER TABLE ${tableOf(table)} DROP CONSTRAINT ${identifier(name)}`);
}

function added(table: TableFacts, constraints: TableFacts["rules"]): string[] {
  return constraints.map(
    ({ name, sql }) => `ALTER TABLE ${tableOf(table)} ADD CONSTRAINT ${identifier(name)} ${sql}`,
  );
}

/** The rows of a restore are no changes: nobody has subscribed to a table that was not there. */
function triggers(table: TableFacts, how: "DISABLE" | "ENABLE"): string[] {
  return watchTriggers.map((name) => `ALTER TABLE ${tableOf(table)} ${how} TRIGGER ${identifier(name)}`);
}

function tableOf({ schema, table }: TableFacts): string {
  return qualified(schema, table);
}

function textOrNull(text: string | null): string {
  return text === null ? "NULL" : literal(text);
}

/** How tables differ from what they were, in words; none where they are the same. */
export function differences(wanted: SchemaFacts, made: SchemaFacts): string[] {
  const [was, is] = [linesOf(wanted), linesOf(made)];
  return [
    ...[...was].filter((line) => !is.has(line)).map((line) => `missing: ${line}`),
    ...[...is].filter((line) => !was.has(line)).map((line) => `too much: ${line}`),
  ];
}

/** The SQL of defaults, indexes and constraints is told differently by other versions of PostgreSQL: names, where it came from us. */
function linesOf(facts: SchemaFacts): Set<string> {
  return new Set([
    ...facts.enums.map(({ schema, name, labels }) => `type ${schema}.${name} ${JSON.stringify(labels)}`),
    ...facts.sequences.map(({ schema, name, last }) => `sequence ${schema}.${name} at ${last}`),
    ...userTables(facts).flatMap(
      ({ schema, table, comment, columns, indexes, rules, foreignKeys, copyTriggers = [] }) => [
        `table ${schema}.${table} ${JSON.stringify(comment)}`,
        ...columns.map(
          ({ name, type, isNotNull, comment: said }) =>
            `column ${schema}.${table}.${name} ${type}${isNotNull ? " not null" : ""} ${JSON.stringify(said)}`,
        ),
        ...[...indexes, ...rules, ...foreignKeys, ...copyTriggers].map(
          ({ name }) => `${name} on ${schema}.${table}`,
        ),
      ],
    ),
  ]);
}
