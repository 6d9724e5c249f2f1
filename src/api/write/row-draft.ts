/** Rows as a request describes them, before anything is written: checked cells, and what each row stands on. */

import { ServiceError } from "../../errors.ts";
import type { Column, Entity, Model, Reference } from "../../model/model.ts";
import type { ColumnValue } from "../../plan/column-value.ts";
import { refuseValue, shorten } from "../../plan/refuse-value.ts";

/** A codec's value that is still to be encoded into its row. */
export interface PendingValue {
  readonly row: RowDraft;
  readonly column: Column;
  /** GraphQL name of the field on its type, and the place in the request. */
  readonly field: string;
  readonly place: string;
  /** The coerced `@oneOf` input object. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** One row to be. */
export interface RowDraft {
  readonly entity: Entity;
  /** Where it stands in the request: `input.sessions.0`. */
  readonly place: string;
  /** By stored column name; null asks for the column's default, as the peer does. Absent: not given. */
  readonly cells: Map<string, ColumnValue | null>;
  /** Rows of this request that must be written before. */
  readonly needs: Set<RowDraft>;
  /** Columns whose value is the key column of another row of this request, by stored name. */
  readonly links: Map<string, { readonly row: RowDraft; readonly column: string }>;
  /** The row whose input holds this one as a child; where that is skipped, so is this. */
  readonly owner?: RowDraft;
  /** Columns whose codec is still to encode its value. */
  readonly awaited: Set<string>;
  /** Lists of codec values that the request gives for this row, by their part entity. */
  readonly givenLists: Set<string>;
}

/** A draft with nothing in it. */
export function emptyRow(entity: Entity, place: string, owner?: RowDraft): RowDraft {
  return {
    entity,
    place,
    cells: new Map(),
    needs: new Set(),
    links: new Map(),
    awaited: new Set(),
    givenLists: new Set(),
    ...(owner === undefined ? {} : { owner }),
  };
}

/** Whether the whole key of a draft is known before the transaction; rows that a filter finds have theirs only inside it. */
export function hasKey(row: RowDraft): boolean {
  return row.entity.key.every((name) => row.cells.get(name)?.kind === "text");
}

/** The rows of one mutation field, in an order in which each comes after those it needs. */
export interface DraftBook {
  readonly model: Model;
  readonly rows: RowDraft[];
  readonly pending: PendingValue[];
  readonly rowLimit: number;
  /** Rows around the one that is being drafted. */
  depth: number;
  /** The instant that `CURRENT_TIMESTAMP` in a key means. */
  readonly now: Date;
}

/** The entity of that name. @throws {NOT_FOUND} when the model has none. */
export function entityOf(model: Model, name: string): Entity {
  const entity = model.entity.get(name);
  if (entity === undefined) throw new ServiceError("NOT_FOUND", `There is no type ${name} with @table.`);
  return entity;
}

/** The column of that stored name. */
export function columnOf(entity: Entity, name: string): Column {
  const column = entity.columns.find((one) => one.name === name);
  if (column === undefined)
    throw new ServiceError("INTERNAL_SERVER_ERROR", `${entity.name} has no column ${name}.`);
  return column;
}

/** Rows within rows; deeper inputs would exhaust the stack. */
const nestingLimit = 50;

/** Drafts a row inside the present one. @throws {LIMIT_EXCEEDED} when rows are nested too deep. */
export function nested(book: DraftBook, place: string, work: () => RowDraft): RowDraft {
  if (book.depth >= nestingLimit) {
    throw new ServiceError("LIMIT_EXCEEDED", `Rows are nested deeper than ${nestingLimit} levels.`, {
      details: {
        limit: nestingLimit,
        field: place,
        remedy: "Create the inner rows first, and refer to them by key.",
      },
    });
  }
  book.depth++;
  try {
    return work();
  } finally {
    book.depth--;
  }
}

/** Adds an empty row. @throws {LIMIT_EXCEEDED} when the request holds too many. */
export function addRow(book: DraftBook, row: RowDraft): void {
  if (book.rows.length >= book.rowLimit) {
    throw new ServiceError("LIMIT_EXCEEDED", `The request writes more than ${book.rowLimit} rows.`, {
      details: { limit: book.rowLimit, field: row.place, remedy: "Send the rows in several requests." },
    });
  }
  book.rows.push(row);
}

/**
 * Puts a value into a row. Two references that share a column, or a reference and a scalar, must agree.
 * @throws {BAD_USER_INPUT} when another value is there, or null stands where the column takes none.
 */
export function setCell(
  row: RowDraft,
  column: Column,
  given: { value: ColumnValue | null; place: string },
): void {
  const { value, place } = given;
  if (value === null && !column.nullable && column.default === undefined)
    refuseValue(place, null, "is null", `${row.entity.name}.${column.field} needs a value.`);
  const before = row.cells.get(column.name);
  if (before !== undefined && !same(before, value))
    refuseValue(
      place,
      said(value),
      `disagrees with ${shorten(said(before))}, given for the same column ${column.name} in ${row.place}`,
      "Give both the same value, or leave one out.",
    );
  row.cells.set(column.name, value);
}

function same(one: ColumnValue | null, other: ColumnValue | null): boolean {
  return said(one) === said(other);
}

function said(value: ColumnValue | null): string | null {
  if (value === null) return null;
  return value.kind === "text" ? value.text : value.json;
}

/** Text of a key column, once the row's own key is complete. */
export function keyText(row: RowDraft, column: string): string {
  const cell = row.cells.get(column);
  if (cell?.kind !== "text")
    throw new ServiceError("INTERNAL_SERVER_ERROR", `${row.place} has no key column ${column}.`);
  return cell.text;
}

/** Gives a row another key, and the rows of `book` that take theirs from it. */
export function rekey(book: DraftBook, row: RowDraft, key: readonly string[]): void {
  for (const [index, name] of row.entity.key.entries())
    row.cells.set(name, { kind: "text", text: key[index] ?? "" });
  // The book's order has each row after those it is linked to.
  for (const one of book.rows) {
    if (one === row) continue;
    for (const [column, from] of one.links)
      one.cells.set(column, { kind: "text", text: keyText(from.row, from.column) });
  }
}

/** Lets `row` refer to `target`, a row of the same request whose key is complete. */
export function linkRow(row: RowDraft, reference: Reference, target: RowDraft): void {
  row.needs.add(target);
  for (const pair of reference.columns) {
    row.links.set(pair.column, { row: target, column: pair.target });
    const value = { kind: "text", text: keyText(target, pair.target) } as const;
    setCell(row, columnOf(row.entity, pair.column), { value, place: `${row.place}.${reference.field}` });
  }
}
