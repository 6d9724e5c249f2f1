/** From a create input, nested at any depth, to drafts of rows. */

import { ServiceError } from "../../errors.ts";
import type { Child, CodecList, Column, Entity, Reference } from "../../model/model.ts";
import { columnValue } from "../../plan/column-value.ts";
import { presentTimestamp } from "../../plan/instant.ts";
import { refuseValue } from "../../plan/refuse-value.ts";
import { fieldOf, type Input, inputObject, keyValues } from "./input-field.ts";
import {
  addRow,
  columnOf,
  type DraftBook,
  emptyRow,
  entityOf,
  hasKey,
  linkRow,
  nested,
  type RowDraft,
  setCell,
} from "./row-draft.ts";

/** How a row is nested in another. */
interface Nesting {
  readonly reference: Reference;
  readonly owner: RowDraft;
}

/** One row's input, its place in the request, and the row around it. */
interface RowInput {
  readonly input: Input;
  readonly place: string;
  readonly nesting?: Nesting;
}

/** Drafts a row and all rows nested in its input. @throws {BAD_USER_INPUT} naming the field; {LIMIT_EXCEEDED} */
export function draftRow(book: DraftBook, entity: Entity, at: RowInput): RowDraft {
  return nested(book, at.place, () => draftOne(book, entity, at));
}

function draftOne(book: DraftBook, entity: Entity, at: RowInput): RowDraft {
  const { input, place, nesting } = at;
  const row = emptyRow(entity, place, nesting?.owner);
  if (nesting !== undefined) linkRow(row, nesting.reference, nesting.owner);
  const given = Object.entries(input).map(([name, value]) => ({
    name,
    value,
    known: fieldOf(entity, name, place),
  }));
  for (const { name, value, known } of given) {
    if (known.kind === "reference")
      draftReference(book, row, { reference: known.reference, value, place: `${place}.${name}` });
  }
  for (const { name, value, known } of given) {
    if (known.kind === "column")
      draftColumn(book, row, { column: known.column, value, place: `${place}.${name}` });
  }
  completeKey(row, book.now);
  requireAll(row);
  addRow(book, row);
  for (const { name, value, known } of given) {
    if (known.kind === "list") draftList(book, row, { list: known.list, value, place: `${place}.${name}` });
    if (known.kind === "child")
      draftChildren(book, row, { child: known.child, value, place: `${place}.${name}` });
  }
  return row;
}

/** Puts one scalar, enum, list of scalars or codec value into the row. */
export function draftColumn(
  book: DraftBook,
  row: RowDraft,
  given: { column: Column; value: unknown; place: string },
): void {
  const { column, value, place } = given;
  if (value === undefined) return;
  if (value === null) {
    setCell(row, column, { value: null, place });
    return;
  }
  if (column.type.codec === undefined) {
    setCell(row, column, {
      value: columnValue(column, value, { field: place, enums: book.model.enum }),
      place,
    });
    return;
  }
  row.awaited.add(column.name);
  book.pending.push({ row, column, field: column.field, place, input: inputObject(value, place) });
}

/** Puts the columns of a reference into the row: `{key}`, `{create}` or null. */
export function draftReference(
  book: DraftBook,
  row: RowDraft,
  given: { reference: Reference; value: unknown; place: string },
): void {
  const { reference, value, place } = given;
  if (value === undefined) return;
  if (value === null) {
    clearReference(row, reference, place);
    return;
  }
  const { key, create } = inputObject(value, place);
  const target = entityOf(book.model, reference.target);
  if (create !== undefined && create !== null) {
    const made = draftRow(book, target, {
      input: inputObject(create, `${place}.create`),
      place: `${place}.create`,
    });
    linkRow(row, reference, made);
    return;
  }
  const values = keyValues(book, target, { key: inputObject(key, `${place}.key`), place: `${place}.key` });
  for (const pair of reference.columns) {
    const text = values.get(pair.target);
    if (text === undefined) continue;
    setCell(row, columnOf(row.entity, pair.column), { value: { kind: "text", text }, place: `${place}.key` });
  }
}

function clearReference(row: RowDraft, reference: Reference, place: string): void {
  const free = reference.columns
    .map((pair) => columnOf(row.entity, pair.column))
    .filter((column) => column.nullable);
  if (free.length === 0)
    refuseValue(place, null, "is null", `${row.entity.name}.${reference.field} needs a value.`);
  for (const column of free) {
    // A column shared with another reference keeps what that one says; a composite reference with a null in it refers to nothing.
    if (!row.cells.has(column.name)) row.cells.set(column.name, null);
  }
}

function completeKey(row: RowDraft, now: Date): void {
  for (const name of row.entity.key) {
    const column = columnOf(row.entity, name);
    if ((row.cells.get(name) ?? null) !== null || typeof column.default !== "string") continue;
    const precision = Number(/\((\d)\)/.exec(column.type.sql)?.[1] ?? 6);
    const text = /^CURRENT_TIMESTAMP/i.test(column.default)
      ? presentTimestamp(now, precision)
      : column.default;
    row.cells.set(name, { kind: "text", text });
  }
}

function requireAll(row: RowDraft): void {
  for (const column of row.entity.columns) {
    if (row.cells.has(column.name) || row.awaited.has(column.name)) continue;
    if (column.nullable || column.default !== undefined) continue;
    const reference = row.entity.references.find((one) =>
      one.columns.some((pair) => pair.column === column.name),
    );
    const name = reference?.field ?? column.field;
    refuseValue(`${row.place}.${name}`, null, "is missing", `${row.entity.name}.${name} needs a value.`);
  }
}

function draftList(
  book: DraftBook,
  row: RowDraft,
  given: { list: CodecList; value: unknown; place: string },
): void {
  const { list, value, place } = given;
  if (value === undefined) return;
  row.givenLists.add(list.entity);
  draftListRows(book, row, { list, value, place });
}

/** Drafts the part rows `(key…, idx, value)` of a list of codec values. */
export function draftListRows(
  book: DraftBook,
  owner: RowDraft,
  given: { list: CodecList; value: unknown; place: string },
): void {
  const entity = entityOf(book.model, given.list.entity);
  const reference = referenceTo(entity, owner.entity);
  const values = given.value === null ? [] : Array.isArray(given.value) ? given.value : [given.value];
  values.forEach((value: unknown, index) => {
    const place = `${given.place}.${index}`;
    const row = emptyRow(entity, place, owner);
    if (hasKey(owner)) linkRow(row, reference, owner);
    setCell(row, columnOf(entity, "idx"), { value: { kind: "text", text: String(index) }, place });
    draftColumn(book, row, { column: columnOf(entity, "value"), value: value ?? null, place });
    addRow(book, row);
  });
}

/** The reference by which rows of a part are tied to their master. */
export function referenceTo(entity: Entity, master: Entity): Reference {
  const reference = entity.references.find((one) => one.target === master.name && one.inKey);
  if (reference !== undefined) return reference;
  throw new ServiceError(
    "INTERNAL_SERVER_ERROR",
    `${entity.name} has no reference to its master ${master.name}.`,
  );
}

function draftChildren(
  book: DraftBook,
  row: RowDraft,
  given: { child: Child; value: unknown; place: string },
): void {
  const { child, value, place } = given;
  if (value === undefined || value === null) return;
  const entity = entityOf(book.model, child.entity);
  const reference = entity.references.find((one) => one.field === child.reference);
  if (reference === undefined)
    throw new ServiceError("INTERNAL_SERVER_ERROR", `${entity.name} has no reference ${child.reference}.`);
  const nesting = { reference, owner: row };
  if (!Array.isArray(value)) {
    draftRow(book, entity, { input: inputObject(value, place), place, nesting });
    return;
  }
  value.forEach((one: unknown, index) => {
    const at = `${place}.${index}`;
    draftRow(book, entity, { input: inputObject(one, at), place: at, nesting });
  });
}
