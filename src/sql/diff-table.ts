/** Schemas and tables that are missing, and tables that are wanted no more. */

import type { CatalogForeignKey, CatalogTable } from "./catalog.ts";
import { type Change, script } from "./change.ts";
import { createStatements, foreignKeyDefinition } from "./ddl.ts";
import {
  type Difference,
  lostColumns,
  madeOf,
  type Names,
  readable,
  rowExists,
  tableName,
} from "./difference.ts";
import { freeIndexName } from "./indexes.ts";
import { jobsGoWithTable } from "./job/rename.ts";
import { jobTable } from "./job/subject.ts";
import { createLineageTable, deleteLineage } from "./lineage.ts";
import { foreignKeyMark } from "./mark.ts";
import { identifier, qualified } from "./quote.ts";
import { tableId, type WantedForeignKey, type WantedTable } from "./wanted.ts";

/** Schemas to create, each with its `~lineage`. */
export function schemaChanges(difference: Difference): readonly Change[] {
  const wanted = new Set(difference.tables.map((table) => table.schema));
  return [...wanted].flatMap((schema): Change[] => {
    const statements: string[] = [];
    if (!difference.catalog.schemas.has(schema)) statements.push(`CREATE SCHEMA ${identifier(schema)}`);
    if (!difference.catalog.lineage.has(schema)) statements.push(createLineageTable(schema));
    if (statements.length === 0) return [];
    const summary = statements.length === 2 ? `Create schema ${schema}` : `Create ${schema}.~lineage`;
    return [{ kind: "create-schema", summary, sql: script(statements), destructive: false }];
  });
}

/** Tables to create, each after those it refers to; where references form a ring, the closing ones are added at the end. */
export function createdTables(difference: Difference, names: Names): readonly Change[] {
  const missing = difference.tables.filter(
    (table) => !difference.catalog.tables.has(tableId(table.schema, table.name)),
  );
  const pending = new Set(missing.map((table) => tableId(table.schema, table.name)));
  return creationOrder(missing).flatMap((table) => {
    pending.delete(tableId(table.schema, table.name));
    const taken = names.get(table.schema) ?? new Set<string>();
    const indexNames = table.indexes.map((index) => {
      const name = freeIndexName(table.name, index.columns, taken);
      taken.add(name);
      return name;
    });
    const later = table.foreignKeys.filter((key) => pending.has(tableId(key.schema, key.table)));
    const now = table.foreignKeys.filter((key) => !later.includes(key));
    return [
      {
        kind: "create-table" as const,
        summary: `Create table ${readable(table)}`,
        sql: script(createStatements(table, distinct(now), indexNames)),
        destructive: false,
        entity: table.entity,
        table: readable(table),
      },
      ...distinct(later).map((key) => addForeignKey(table, key)),
    ];
  });
}

/** Two fields may make one foreign key; it is written once. */
export function distinct(keys: readonly WantedForeignKey[]): readonly WantedForeignKey[] {
  return [...new Map(keys.map((key) => [foreignKeyMark(key), key])).values()];
}

/** A foreign key added to a table that is there. */
export function addForeignKey(table: WantedTable, key: WantedForeignKey): Change {
  return {
    kind: "add-foreign-key",
    summary: `Add foreign key ${readable(table)} (${key.columns.join(", ")}) to ${key.schema}.${key.table}`,
    sql: `ALTER TABLE ${tableName(table)} ADD ${foreignKeyDefinition(key)}`,
    destructive: false,
    entity: table.entity,
    table: readable(table),
  };
}

/** Targets first. In a ring, the first table whose key does not depend on the others goes first. */
function creationOrder(tables: readonly WantedTable[]): readonly WantedTable[] {
  const open = new Map(tables.map((table) => [tableId(table.schema, table.name), table]));
  const result: WantedTable[] = [];
  const waits = (table: WantedTable, keys: readonly WantedForeignKey[]): boolean =>
    keys.some((key) => {
      const target = open.get(tableId(key.schema, key.table));
      return target !== undefined && target !== table;
    });
  const identifying = (table: WantedTable): readonly WantedForeignKey[] =>
    table.foreignKeys.filter((key) => key.columns.every((column) => table.key.includes(column)));
  while (open.size > 0) {
    const rest = [...open.values()];
    const next =
      rest.find((table) => !waits(table, table.foreignKeys)) ??
      rest.find((table) => !waits(table, identifying(table))) ??
      rest[0];
    if (next === undefined) break;
    open.delete(tableId(next.schema, next.name));
    result.push(next);
  }
  return result;
}

/** Tables of ours that the model has no more. */
export function droppedTables(difference: Difference): readonly Change[] {
  const { catalog } = difference;
  return [...difference.dropped].flatMap((id): Change[] => {
    const table = catalog.tables.get(id);
    const made = catalog.made.find((record) => tableId(record.schema, record.table) === id);
    if (table === undefined) return [];
    const where = { table: readable(table), ...(made === undefined ? {} : { entity: made.entity }) };
    const stranger = strangersTo(difference, id)[0];
    if (stranger !== undefined) {
      const message = `Table ${readable(table)} cannot be dropped: ${stranger} refers to it, and is not of this schema file.`;
      const remedy = "Drop that foreign key first, or keep the type.";
      const refusal = { message, remedy };
      return [{ kind: "refused", summary: message, sql: "", destructive: true, refusal, ...where }];
    }
    const inLineage = catalog.lineage.has(table.schema) ? [deleteLineage(table.schema, table.name)] : [];
    const keys = table.foreignKeys
      .filter((key) => !key.table.startsWith("~"))
      .map((key) => `ALTER TABLE ${tableName(table)} DROP CONSTRAINT ${identifier(key.name)}`);
    const dropKeys: Change[] =
      keys.length === 0
        ? []
        : [
            {
              kind: "drop-foreign-key",
              summary: `Drop the foreign keys of ${readable(table)}`,
              sql: script(keys),
              destructive: false,
              ...where,
            },
          ];
    const jobs = jobsToDrop(difference, table);
    return [
      ...dropKeys,
      {
        kind: "drop-table",
        summary: `Drop table ${readable(table)} and its rows${jobs.length > 0 ? ", and its jobs" : ""}`,
        sql: script([...inLineage, `DROP TABLE ${qualified(table.schema, table.name)}`, ...jobs]),
        destructive: true,
        ...where,
      },
    ];
  });
}

/** Jobs of a table that goes: one that is made later under its name would take them for its own. */
function jobsToDrop(difference: Difference, { schema, name }: CatalogTable): readonly string[] {
  const { names, tables } = difference.catalog;
  const sharing = [...tables.values()].filter(
    (other) => other.schema === schema && jobTable(other.name) === jobTable(name),
  );
  const areGone = sharing.every((other) => difference.dropped.has(tableId(schema, other.name)));
  return areGone ? jobsGoWithTable(names.get(schema), { schema, table: name }) : [];
}

/** Foreign keys to a table that this plan neither knows nor drops, as `schema.table`. */
export function strangersTo(difference: Difference, id: string): readonly string[] {
  const inside = [...difference.catalog.tables.values()].filter((table) => {
    const own = tableId(table.schema, table.name);
    if (difference.dropped.has(own)) return false;
    const keys = table.foreignKeys.filter((key) => tableId(key.schema, key.table) === id);
    return keys.some((key) => !isKnown(difference, own, key));
  });
  const outside = difference.catalog.outside.filter((key) => key.table === id).map((key) => key.from);
  return [...inside.map(readable), ...outside];
}

function isKnown(difference: Difference, id: string, key: CatalogForeignKey): boolean {
  const mark = foreignKeyMark(key);
  const wanted = difference.byId.get(id)?.foreignKeys ?? [];
  if (wanted.some((candidate) => foreignKeyMark(candidate) === mark)) return true;
  const lost = lostColumns(difference, id);
  return (
    madeOf(difference, id)?.foreignKeys.includes(mark) === true || key.columns.some((name) => lost.has(name))
  );
}

/** Refuses where the table has rows. */
export function onlyWhenEmpty(
  difference: Difference,
  table: WantedTable,
  column: string,
): NonNullable<Change["check"]> {
  return {
    sql: rowExists(difference, table),
    message: `Column ${readable(table)}.${column} needs a value in every row, and the table has rows.`,
    remedy: `Give ${table.entity} a default for it with @column(default: …), or make the field nullable.`,
  };
}
