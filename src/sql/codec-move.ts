/** A column whose codec changes with its values kept: the hidden columns that stand in for it meanwhile, and the statements of each step. */

import { createHash } from "node:crypto";
import type { Catalog, CatalogColumn } from "./catalog.ts";
import { codecOfSpec, parseComment } from "./comment.ts";
import { columnDefinition, commentColumn, guardColumn } from "./ddl.ts";
import { defaultText } from "./default.ts";
import { compare } from "./diff.ts";
import { isExternal, isGuarded, releaseColumn } from "./hidden.ts";
import { identifier, literal, qualified } from "./quote.ts";
import { tableId, type WantedCodec, type WantedColumn, type WantedTable } from "./wanted.ts";

/** One column that has values of one codec, and is wanted with another. */
export interface CodecMove {
  readonly table: WantedTable;
  readonly column: WantedColumn;
  /** True where the codec stays, and values that lie in other stores go to the field's. */
  readonly isBetweenStores: boolean;
  /** Specs as in comments: `<blob>`, `<npy@main>`; `<npy@*>` is in any store. */
  readonly from: string;
  readonly to: string;
  /** Codec and store of the values that are there; a store of `""` is the default one. */
  readonly source: { readonly name: string; readonly store: string | undefined };
  readonly target: WantedCodec;
  /** PostgreSQL types. */
  readonly sourceType: string;
  readonly targetType: string;
}

/**
 * The columns of existing tables whose codec is to change, in the order of the file. `before`: tables as they were applied last, which know codecs
 * that comments name by what DataJoint has for them.
 */
export function codecMoves(
  tables: readonly WantedTable[],
  catalog: Catalog,
  { owner, before }: { readonly owner: string; readonly before: readonly WantedTable[] },
): readonly CodecMove[] {
  const { difference } = compare(tables, catalog, owner);
  const earlier = new Map(before.map((table) => [tableId(table.schema, table.name), table]));
  return difference.existing.flatMap(({ wanted, actual }) => {
    if (actual.kind === "view") return [];
    const columns = earlier.get(tableId(wanted.schema, wanted.name))?.columns ?? [];
    const was = (name: string) => columns.find((column) => column.name === name);
    const there = new Map(actual.columns.map((column) => [column.name, column]));
    return wanted.columns.flatMap((column) => {
      const found = there.get(column.name);
      if (found === undefined || found.generated) return [];
      return moveOf({ table: wanted, column, there: found, before: was(column.name) }) ?? [];
    });
  });
}

/** Every column of existing tables that keeps its values in a store of ours, as a move of those that lie in another one than the field's. */
export function storeMoves(tables: readonly WantedTable[], catalog: Catalog): readonly CodecMove[] {
  return tables.flatMap((table) => {
    const there = catalog.tables.get(tableId(table.schema, table.name));
    if (there === undefined || there.kind === "view") return [];
    return table.columns.flatMap((column): CodecMove[] => {
      const { codec: target } = column;
      const found = there.columns.find(({ name }) => name === column.name);
      const isOne = target !== undefined && found?.type === column.comparable;
      if (!isOne || !isGuarded(column)) return [];
      // Rows that name no store are in the default one.
      const source = { name: target.name, store: "" };
      const types = { sourceType: found.type, targetType: column.type };
      const from = `<${target.name}@*>`;
      return [{ table, column, isBetweenStores: true, from, to: specText(target), source, target, ...types }];
    });
  });
}

/** Whether a value of `t` lies in another store than the field's, as SQL. */
export function isElsewhere({ column, target }: CodecMove): string {
  const named = `nullif(t.${identifier(column.name)} ->> 'store', '')`;
  return `t.${identifier(column.name)} IS NOT NULL AND coalesce(${named}, ${defaultStore}) <> ${literal(target.store ?? "")}`;
}

/** The move of one column, where it is one. */
function moveOf(at: {
  readonly table: WantedTable;
  readonly column: WantedColumn;
  readonly there: CatalogColumn;
  readonly before: WantedColumn | undefined;
}): CodecMove | undefined {
  const { table, column, there } = at;
  const source = sourceOf(there, at.before);
  const target = column.codec;
  if (source === undefined || target === undefined) return undefined;
  const isHere = (source.store === undefined) === (target.store === undefined);
  if (isHere && source.name === target.name) return undefined;
  // To the tables they are one: nothing is stored otherwise.
  if (there.type === column.comparable && specOf(there.comment) === specOf(column.comment)) return undefined;
  const types = { sourceType: there.type, targetType: column.type };
  return {
    table,
    column,
    isBetweenStores: false,
    from: specText(source),
    to: specText(target),
    source,
    target,
    ...types,
  };
}

const specOf = (comment: string | null): string | undefined => {
  const spec = parseComment(comment ?? "").spec;
  return codecOfSpec(spec)?.name ?? spec;
};

/** By the file that was applied last, as long as the column is still what it says; else by the comment. */
function sourceOf(there: CatalogColumn, before: WantedColumn | undefined): CodecMove["source"] | undefined {
  const isAsBefore = before?.comparable === there.type && specOf(before.comment) === specOf(there.comment);
  if (isAsBefore && before.codec !== undefined) return before.codec;
  return codecOfSpec(parseComment(there.comment ?? "").spec);
}

function specText({ name, store }: { readonly name: string; readonly store?: string | undefined }): string {
  return store === undefined ? `<${name}>` : `<${name}@${store}>`;
}

/** Name of the hidden column that the copies go to. DataJoint hides what begins with an underscore. */
export function nextColumn(column: string): string {
  return hiddenName(column, "next");
}

/** Name of the hidden column that keeps the values as they were. */
export function oldColumn(column: string): string {
  return hiddenName(column, "old");
}

function hiddenName(column: string, end: string): string {
  const digest = createHash("md5").update(column).digest("hex").slice(0, 8);
  return `_${Buffer.byteLength(column) <= 40 ? column : digest}_${end}`;
}

function triggerName(column: string): string {
  // After all others: what they make of the value counts too.
  return `~holdfast_copy_${createHash("md5").update(column).digest("hex").slice(0, 8)}`;
}

/** Adds the hidden column with its guard, and the trigger that forgets a copy whose source changes. */
export function beginStatements({ table, column }: CodecMove): readonly string[] {
  const name = qualified(table.schema, table.name);
  const next = nextColumn(column.name);
  const hidden: WantedColumn = { ...column, name: next, nullable: true, default: undefined };
  const [own, copy] = [identifier(column.name), identifier(next)];
  return [
    `ALTER TABLE ${name} ADD COLUMN ${columnDefinition(hidden)}`,
    commentColumn(table, hidden),
    ...guardColumn(table, hidden, true),
    `CREATE TRIGGER ${identifier(triggerName(column.name))} BEFORE UPDATE ON ${name} FOR EACH ROW ` +
      `WHEN (OLD.${copy} IS NOT NULL AND NEW.${copy} IS NOT DISTINCT FROM OLD.${copy} AND NEW.${own} IS DISTINCT FROM OLD.${own}) ` +
      `EXECUTE FUNCTION holdfast.forget_copy(${literal(next)})`,
  ];
}

/** Takes back what {@link beginStatements} has added, copies included. */
export function abandonStatements({ schema, table, column }: ColumnName): readonly string[] {
  const name = qualified(schema, table);
  const next = nextColumn(column);
  return [
    `DROP TRIGGER IF EXISTS ${identifier(triggerName(column))} ON ${name}`,
    releaseColumn({ schema, table, column: next }),
    `ALTER TABLE ${name} DROP COLUMN IF EXISTS ${identifier(next)}`,
  ];
}

/** The copies take the column's place; the values as they were stay in a hidden column, guarded as before. */
export function swapStatements(move: CodecMove): readonly string[] {
  const { table, column, source, target } = move;
  const name = qualified(table.schema, table.name);
  const regclass = `${literal(name)}::regclass`;
  const rename = (was: string, becomes: string, store: string | undefined): string =>
    `SELECT holdfast.rename_stored(${regclass}, ${literal(was)}, ${literal(becomes)}, ${
      store === undefined || store === "" ? defaultStore : literal(store)
    })`;
  const [own, old] = [identifier(column.name), oldColumn(column.name)];
  const nullability = column.nullable ? [] : [`ALTER TABLE ${name} ALTER COLUMN ${own} SET NOT NULL`];
  const hasDefault = column.default !== undefined && column.default !== null;
  return [
    `DROP TRIGGER IF EXISTS ${identifier(triggerName(column.name))} ON ${name}`,
    `ALTER TABLE ${name} ALTER COLUMN ${own} DROP NOT NULL, ALTER COLUMN ${own} DROP DEFAULT`,
    rename(column.name, old, source.store),
    rename(nextColumn(column.name), column.name, target.store),
    ...nullability,
    ...(hasDefault
      ? [`ALTER TABLE ${name} ALTER COLUMN ${own} SET DEFAULT ${defaultText(column.default)}`]
      : []),
    commentColumn(table, column),
  ];
}

const defaultStore = "coalesce((SELECT name FROM holdfast.store WHERE is_default), '')";

/** Drops the values as they were before a swap. */
export function dropStatements({ schema, table, column }: ColumnName): readonly string[] {
  const old = oldColumn(column);
  return [
    releaseColumn({ schema, table, column: old }),
    `ALTER TABLE ${qualified(schema, table)} DROP COLUMN IF EXISTS ${identifier(old)}`,
  ];
}

/** Where a column is, by stored names. */
export interface ColumnName {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

/** Why a move cannot be made, whatever the values are. */
export function obstacleTo({ column }: CodecMove): string | undefined {
  return isExternal(column)
    ? "its codec keeps references to files of the users' own, which nobody but them can write"
    : undefined;
}
