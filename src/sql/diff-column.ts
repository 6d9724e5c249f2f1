/** Columns of tables that are there: added, dropped, replaced, altered, and their comments and guards. */

import type { CatalogColumn } from "./catalog.ts";
import { type Change, script } from "./change.ts";
import type { Conversion } from "./column-type.ts";
import { parseComment, sameComment, tableComment } from "./comment.ts";
import { columnDefinition, commentColumn, commentTable, guardColumn } from "./ddl.ts";
import { defaultText, sameDefault } from "./default.ts";
import { onlyWhenEmpty } from "./diff-table.ts";
import {
  columnBefore,
  type Difference,
  madeOf,
  readable,
  rowExists,
  type TablePair,
  tableName,
} from "./difference.ts";
import { isExternal, isGuarded, pathCheck, referenceColumn, releaseColumn } from "./hidden.ts";
import { identifier } from "./quote.ts";
import { tableId, type WantedColumn, type WantedTable } from "./wanted.ts";

/** Everything about the columns of one table. */
export function columnChanges(difference: Difference, pair: TablePair): readonly Change[] {
  const { wanted, actual } = pair;
  if (actual.kind === "view") return [notATable(wanted)];
  const id = tableId(wanted.schema, wanted.name);
  const there = new Map(actual.columns.map((column) => [column.name, column]));
  const dropped = [...(difference.removed.get(id) ?? [])].map((name) => dropColumn(pair, name));
  const comment: Change[] =
    tableComment(actual.comment) === wanted.comment
      ? []
      : [change("comment", wanted, `Set the comment of ${readable(wanted)}`, [commentTable(wanted)])];
  const each = wanted.columns.flatMap((column) => {
    const found = there.get(column.name);
    if (found === undefined || difference.replaced.get(id)?.has(column.name) === true)
      return fresh(difference, pair, column, found);
    const how = difference.converted.get(id)?.get(column.name);
    return [...alter(difference, wanted, column, { found, how }), ...keep(pair, column, found)];
  });
  return [...dropped, ...comment, ...each];
}

function change(
  kind: Change["kind"],
  table: WantedTable,
  summary: string,
  statements: readonly string[],
  column?: string,
): Change {
  const where = { entity: table.entity, table: readable(table), ...(column === undefined ? {} : { column }) };
  return { kind, summary, sql: script(statements), destructive: false, ...where };
}

function notATable(table: WantedTable): Change {
  const message = `${readable(table)} is there, and is not a table.`;
  const refusal = {
    message,
    remedy: "Rename or drop it, or give the type another table with @table(name: …).",
  };
  return { ...change("refused", table, message, []), refusal };
}

function dropStatements({ wanted, actual }: TablePair, name: string): readonly string[] {
  const place = { schema: wanted.schema, table: wanted.name, column: name };
  const guarded = actual.columns.some((column) => column.name === referenceColumn(name));
  const release = guarded ? [releaseColumn(place)] : [];
  return [...release, `ALTER TABLE ${tableName(wanted)} DROP COLUMN ${identifier(name)}`];
}

function dropColumn(pair: TablePair, name: string): Change {
  const summary = `Drop column ${readable(pair.wanted)}.${name} and its values`;
  const dropped = change("drop-column", pair.wanted, summary, dropStatements(pair, name), name);
  return { ...dropped, destructive: true };
}

/** A column that is not there, or whose values cannot be kept. */
function fresh(
  difference: Difference,
  pair: TablePair,
  column: WantedColumn,
  old: CatalogColumn | undefined,
): Change[] {
  const table = pair.wanted;
  const name = `${readable(table)}.${column.name}`;
  const add = `ALTER TABLE ${tableName(table)} ADD COLUMN ${columnDefinition(column)}`;
  const needsValue = !column.nullable && (column.default === undefined || column.default === null);
  const check = needsValue ? { check: onlyWhenEmpty(difference, table, column.name) } : {};
  const comment = column.comment === null ? [] : [commentColumn(table, column)];
  const guards = guardColumn(table, column, false);
  const added =
    old === undefined
      ? change("add-column", table, `Add column ${name}`, [add, ...comment], column.name)
      : {
          ...change(
            "replace-column",
            table,
            `Replace column ${name}: ${whyReplaced(column, old)}`,
            [...dropStatements(pair, column.name), add, ...comment],
            column.name,
          ),
          destructive: true,
        };
  const guard =
    guards.length === 0 ? [] : [change("guard", table, `Guard the objects of ${name}`, guards, column.name)];
  return [{ ...added, ...check }, ...guard];
}

function whyReplaced(column: WantedColumn, old: CatalogColumn): string {
  // Of what DataJoint has no codec for, the comment names the core type.
  return column.codec !== undefined && (old.type === "bytea" || old.type === "jsonb")
    ? "its values are dropped; holdfast migrate keeps what the new codec can take over"
    : `its values cannot become ${column.type}`;
}

/** Type, default and nullability of a column that keeps its values. */
function alter(
  difference: Difference,
  table: WantedTable,
  column: WantedColumn,
  { found, how }: { found: CatalogColumn; how: Conversion | undefined },
): Change[] {
  const name = identifier(column.name);
  const actions: string[] = [];
  const said: string[] = [];
  const newDefault =
    !sameDefault(found.default, column.default, column.comparable) &&
    !isOthersDefault(difference, table, { column, found });
  if (how !== undefined) {
    // The old default may have no meaning in the new type, and would stop the change.
    if (found.default !== null) actions.push(`ALTER COLUMN ${name} DROP DEFAULT`);
    actions.push(`ALTER COLUMN ${name} TYPE ${column.type} USING ${how.using(name)}`);
    said.push(`type ${found.type} to ${column.type}`);
  }
  const isDefault = column.default !== undefined && column.default !== null;
  if (isDefault && (newDefault || how !== undefined))
    actions.push(`ALTER COLUMN ${name} SET DEFAULT ${defaultText(column.default)}`);
  else if (!isDefault && newDefault && how === undefined) actions.push(`ALTER COLUMN ${name} DROP DEFAULT`);
  if (newDefault) said.push(isDefault ? `default to ${column.default}` : "no default");
  // A column of the old key stays NOT NULL until the key is dropped, which comes first.
  if (found.nullable !== column.nullable) {
    actions.push(`ALTER COLUMN ${name} ${column.nullable ? "DROP" : "SET"} NOT NULL`);
    said.push(column.nullable ? "nulls allowed" : "nulls refused");
  }
  if (actions.length === 0) return [];
  const summary = `Change column ${readable(table)}.${column.name}: ${said.join(", ")}`;
  const sql = `ALTER TABLE ${tableName(table)} ${actions.join(", ")}`;
  const altered = change("alter-column", table, summary, [sql], column.name);
  const check = alterCheck(difference, table, column, { found, how });
  return [{ ...altered, destructive: how?.lossy ?? false, ...(check === undefined ? {} : { check }) }];
}

/** A default that others have given stays where the file tells none: it may be one for which the language has no word. */
function isOthersDefault(
  difference: Difference,
  table: WantedTable,
  { column, found }: { column: WantedColumn; found: CatalogColumn },
): boolean {
  if (found.default === null || (column.default ?? null) !== null) return false;
  return madeOf(difference, tableId(table.schema, table.name))?.columns.includes(column.name) !== true;
}

function alterCheck(
  difference: Difference,
  table: WantedTable,
  column: WantedColumn,
  { found, how }: { found: CatalogColumn; how: Conversion | undefined },
): Change["check"] {
  const before = columnBefore(difference, table, column.name);
  const misfit = how?.misfit?.(before);
  const nulls = found.nullable && !column.nullable ? `${before} IS NULL` : undefined;
  if (misfit === undefined && nulls === undefined) return undefined;
  const name = `${readable(table)}.${column.name}`;
  const reasons = [
    ...(misfit === undefined ? [] : [`values that do not fit ${column.type}`]),
    ...(nulls === undefined ? [] : ["nulls"]),
  ];
  const conditions = [misfit, nulls].filter((condition) => condition !== undefined);
  return {
    sql: rowExists(difference, table, conditions.map((condition) => `(${condition})`).join(" OR ")),
    message: `Column ${name} cannot be changed: rows hold ${reasons.join(" or ")}.`,
    remedy: "Change those rows first, or keep the field as it was.",
  };
}

/** Who has a codec of the same name in DataJoint may have named the column by it. */
function commentByOwnName({ codec, comment }: WantedColumn): string | null {
  if (codec === undefined || comment === null) return comment;
  const at = codec.store === undefined ? "" : `@${codec.store}`;
  return `:<${codec.name}${at}>:${parseComment(comment).text}`;
}

/** Comment and guard of a column that stays. */
function keep({ wanted, actual }: TablePair, column: WantedColumn, found: CatalogColumn): Change[] {
  const changes: Change[] = [];
  const name = `${readable(wanted)}.${column.name}`;
  const defaultStore = column.codec?.isDefaultStore === true ? column.codec.store : undefined;
  const wantedComments = [column.comment, commentByOwnName(column)];
  if (!wantedComments.some((comment) => sameComment(found.comment, comment, defaultStore))) {
    const summary = `Set the comment of ${name}`;
    changes.push(change("comment", wanted, summary, [commentColumn(wanted, column)], column.name));
  }
  const hidden = actual.columns.some((candidate) => candidate.name === referenceColumn(column.name));
  const missing =
    (isGuarded(column) && !hidden) || (isExternal(column) && !actual.checks.includes(pathCheck(column.name)));
  if (missing) {
    const guards = guardColumn(wanted, column, true);
    changes.push(change("guard", wanted, `Guard the objects of ${name}`, guards, column.name));
  }
  return changes;
}
