/** Orders as requests give them, taken apart: terms of rows, and of many rows at once. */

import { createHash } from "node:crypto";
import { ServiceError } from "../errors.ts";
import type { Child, Column, Entity, Model, Reference } from "../model/model.ts";
import { isOptional } from "../model/reference.ts";
import { sumType } from "../plan/group-key.ts";
import { entityOf, modelColumn } from "./select-builder.ts";
import type { MeasureName } from "./select-measure.ts";

/** One term of an order: something of a row, reached through references. */
export interface OrderTerm extends Direction {
  readonly path: readonly Reference[];
  readonly of: Ordered;
  readonly nullable: boolean;
}

/** Which way an order goes. */
export interface Direction {
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** What a row is ordered by: one of its columns, what SQL tells of a codec's value, or what is told of its children. */
export type Ordered =
  | { readonly kind: "column"; readonly column: Column }
  | { readonly kind: "codec"; readonly entity: string; readonly column: Column; readonly field: string }
  | ({ readonly kind: "children"; readonly child: Child } & OrderedMeasure);

/** What is told of many rows: their number, or a measure of something of each. */
export interface OrderedMeasure {
  readonly measure: MeasureName;
  /** Absent for `count`. */
  readonly value?: OrderTerm;
}

/** An order of groups of rows. */
export type AggregateTerm = OrderedMeasure & Direction;

/** The terms of `orderBy`, with the key appended where it is needed to tell all rows apart. */
export function orderTerms(model: Model, entity: Entity, orderBy: unknown): readonly OrderTerm[] {
  const given = Array.isArray(orderBy) ? orderBy.map((entry) => term(model, entity, entry)) : [];
  const own = new Set(
    given.flatMap(({ path, of }) => (path.length === 0 && of.kind === "column" ? [of.column.name] : [])),
  );
  const key = entity.key.filter((name) => !own.has(name));
  const breakers = key.map((name) => ({
    path: [],
    of: { kind: "column" as const, column: modelColumn(entity, name) },
    descending: false,
    nullsFirst: false,
    nullable: false,
  }));
  return [...given, ...breakers];
}

function term(model: Model, entity: Entity, entry: unknown): OrderTerm {
  const [name, inner] = onlyField(entry);
  const column = entity.columns.find(({ exposed, field }) => exposed && field === name);
  if (column !== undefined && typeof inner === "string") {
    return { path: [], of: { kind: "column", column }, ...directed(inner), nullable: column.nullable };
  }
  if (inner === null || inner === undefined) throw noField(entity);
  if (column?.type.codec !== undefined) return codecTerm(entity, column, inner);
  const reference = entity.references.find(({ field }) => field === name);
  if (reference !== undefined) {
    const one = term(model, entityOf(model, reference.target), inner);
    return { ...one, path: [reference, ...one.path], nullable: one.nullable || isOptional(reference) };
  }
  const child = entity.children.find(({ field }) => field === name);
  if (child === undefined) throw noField(entity);
  const { descending, nullsFirst, ...measured } = aggregateTerm(model, entityOf(model, child.entity), inner);
  const nullable = measured.measure !== "count";
  return { path: [], of: { kind: "children", child, ...measured }, descending, nullsFirst, nullable };
}

function codecTerm(entity: Entity, column: Column, inner: unknown): OrderTerm {
  const [field, direction] = onlyField(inner);
  if (typeof direction !== "string") throw noField(entity);
  // Whatever the column says: a row of another program may lack the key.
  const of = { kind: "codec" as const, entity: entity.name, column, field };
  return { path: [], of, ...directed(direction), nullable: true };
}

/** A term that orders by what is told of many rows of `entity`. @throws {BAD_USER_INPUT} for sums of what is no number. */
export function aggregateTerm(model: Model, entity: Entity, entry: unknown): AggregateTerm {
  const [name, inner] = onlyField(entry);
  if (name === "count" && typeof inner === "string") return { measure: "count", ...directed(inner) };
  if (inner === null || inner === undefined || !isMeasure(name)) throw noField(entity);
  const value = term(model, entity, inner);
  if ((name === "sum" || name === "avg") && !isNumeric(value)) {
    throw notNumeric(name, value, entity.name);
  }
  const { descending, nullsFirst } = value;
  return { measure: name, value, descending, nullsFirst };
}

/** The refusal of a sum or an average of what is no number. */
export function notNumeric(measure: string, value: OrderTerm, entity: string): ServiceError {
  return new ServiceError(
    "BAD_USER_INPUT",
    `orderBy: ${measure} needs a number, which ${termName(value)} of ${entity} is not. Order by its min or max, or by count.`,
    { details: { field: "orderBy", remedy: "Order by min, max or count." } },
  );
}

function isMeasure(name: string): name is Exclude<MeasureName, "count"> {
  return name === "sum" || name === "avg" || name === "min" || name === "max";
}

function isNumeric({ of }: OrderTerm): boolean {
  if (of.kind === "column") return sumType(of.column) !== undefined;
  // Only the codec's SQL has a type: see measuredSql.
  if (of.kind === "codec") return true;
  return of.value === undefined || isNumeric(of.value);
}

function onlyField(entry: unknown): readonly [name: string, value: unknown] {
  return Object.entries(entry ?? {})[0] ?? ["", undefined];
}

function noField(entity: Entity): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `orderBy: give exactly one field of ${entity.name}.`, {
    details: { field: "orderBy" },
  });
}

function directed(direction: string): Direction {
  const descending = direction.startsWith("DESC");
  const nullsFirst = direction.endsWith("NULLS_FIRST") || (descending && !direction.endsWith("NULLS_LAST"));
  return { descending, nullsFirst };
}

function termName({ path, of }: OrderTerm): string {
  return [...path.map(({ field }) => field), orderedName(of)].join(".");
}

function orderedName(of: Ordered): string {
  if (of.kind === "column") return of.column.name;
  return of.kind === "codec" ? `${of.column.name}:${of.field}` : `${of.child.field}#${measureName(of)}`;
}

function measureName({ measure, value }: OrderedMeasure): string {
  return value === undefined ? measure : `${measure}(${termName(value)})`;
}

/** What a cursor must have been made with to be used again: the list's type and order. */
export function orderSignature(entity: Entity, terms: readonly OrderTerm[]): string {
  return signatureOf(
    entity,
    terms.map((one) => [termName(one), one.descending, one.nullsFirst].join(".")),
  );
}

/** What tells orders of groups apart. */
export function aggregateSignature(entity: Entity, terms: readonly AggregateTerm[]): string {
  return signatureOf(
    entity,
    terms.map((one) => [measureName(one), one.descending, one.nullsFirst].join(".")),
  );
}

function signatureOf(entity: Entity, terms: readonly string[]): string {
  return createHash("sha256")
    .update(`${entity.name}:${terms.join(",")}`)
    .digest("base64url")
    .slice(0, 8);
}
