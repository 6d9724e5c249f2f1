/** Orders: the terms of `orderBy`, what a row shows by each, and which row comes first. */

import type { Column, Entity } from "../../../src/model/model.ts";
import { whole } from "./exact.ts";
import { exposedColumn, type Scope, toldColumn } from "./filter.ts";
import { compare, type Kind, type Value } from "./kinds.ts";
import { isNumber, type MeasureName, measure, measureKind } from "./measure.ts";
import { doubt } from "./operators.ts";
import { badInput } from "./refused.ts";
import type { Row } from "./tables.ts";

/** Which way an order goes. */
export interface Direction {
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** Something that rows are ordered by. */
export interface Term extends Direction {
  /** Tells the term from others. */
  readonly name: string;
  /** Whether it is what rows tell of codec values. */
  readonly isTold?: boolean;
  readonly kind: Kind;
  readonly of: (row: Row) => Value | null;
}

/** Something that sets of rows are ordered by. */
export interface SetTerm extends Direction {
  readonly name: string;
  readonly isTold?: boolean;
  readonly kind: Kind;
  readonly of: (rows: readonly Row[]) => Value | null;
}

const count: Kind = { name: "exact", scalar: "Int" };

function directed(direction: string): Direction {
  const descending = direction.startsWith("DESC");
  const isDefault = !direction.includes("NULLS");
  return { descending, nullsFirst: isDefault ? descending : direction.endsWith("FIRST") };
}

function onlyField(entry: unknown): readonly [name: string, inner: unknown] {
  const [found] = Object.entries(entry ?? {});
  if (found === undefined || found[1] === null || found[1] === undefined)
    throw badInput("Nothing to order by.");
  return found;
}

/** The terms of a list's order, the key behind them. */
export function orderTerms(scope: Scope, entity: Entity, orderBy: unknown): readonly Term[] {
  const given = Array.isArray(orderBy) ? orderBy.map((entry) => rowTerm(scope, entity, entry)) : [];
  const names = new Set(given.map(({ name }) => name));
  const key = entity.columns
    .filter(({ name }) => entity.key.includes(name))
    .sort((a, b) => entity.key.indexOf(a.name) - entity.key.indexOf(b.name));
  const breakers = key.flatMap((column): Term[] => {
    const kind = scope.tables.kind(column);
    if (kind === undefined || names.has(column.field)) return [];
    const of = (row: Row) => row.value(column, kind);
    return [{ name: column.field, kind, of, descending: false, nullsFirst: false }];
  });
  return [...given, ...breakers];
}

function rowTerm(scope: Scope, entity: Entity, entry: unknown): Term {
  const [name, inner] = onlyField(entry);
  const { tables, features } = scope;
  const column = exposedColumn(entity, name);
  if (column?.type.codec !== undefined) return toldTerm(scope, column, inner);
  if (column !== undefined) {
    const kind = tables.kind(column);
    if (kind === undefined) throw new TypeError(`The oracle knows no order by ${name}.`);
    features.meet(`order by ${kind.names === undefined ? kind.scalar : "enum"}`);
    features.meet(`order ${String(inner)}`);
    return { name, kind, of: (row) => row.value(column, kind), ...directed(String(inner)) };
  }
  const reference = entity.references.find(({ field }) => field === name);
  if (reference !== undefined) {
    features.meet("order through a reference");
    const term = rowTerm(scope, tables.entity(reference.target), inner);
    const of = (row: Row): Value | null => {
      const target = tables.target(row, reference);
      return target === undefined ? null : term.of(target);
    };
    return { ...term, name: `${name}.${term.name}`, of };
  }
  const child = entity.children.find(({ field }) => field === name);
  if (child === undefined) throw new TypeError(`The oracle knows no order ${entity.name}.${name}.`);
  const term = setTerm(scope, tables.entity(child.entity), inner);
  if (term.isTold === true) features.meet("order by children's codec values");
  features.meet(`order by children's ${term.name.split(":")[0]}`);
  return { ...term, name: `${name}#${term.name}`, of: (row) => term.of(tables.children(row, child)) };
}

/** Rows by what they tell of a column's codec values. */
function toldTerm(scope: Scope, column: Column, entry: unknown): Term {
  const [part, direction] = onlyField(entry);
  const { kind, of } = toldColumn(scope, column, part);
  if (kind.name === "list") throw new TypeError(`Lists are no order: ${column.field}.${part}.`);
  scope.features.meet(`order by ${column.type.graphql}.${part}`);
  return { name: `${column.field}.${part}`, isTold: true, kind, of, ...directed(String(direction)) };
}

/** A term that orders sets of rows of `entity`. @throws Refused for sums of what is no number. */
export function setTerm(scope: Scope, entity: Entity, entry: unknown): SetTerm {
  const [name, inner] = onlyField(entry);
  if (name === "count")
    return { name, kind: count, of: (rows) => whole(rows.length), ...directed(String(inner)) };
  const { kind, of, ...term } = rowTerm(scope, entity, inner);
  if ((name === "sum" || name === "avg") && !isNumber(kind)) throw badInput(`${name} of ${term.name}.`);
  const how = { kind, name: name as MeasureName }; // the schema has no others
  return {
    ...term,
    name: `${name}:${term.name}`,
    kind: measureKind(kind, how.name),
    of: (rows) => measure(scope.features, how, rows.map(of)),
  };
}

/** A place in an order: by its values, one for each term. */
export type Place = readonly (Value | null)[];

/** Negative where `a` comes first. */
export function comparePlaces(
  scope: Scope,
  terms: readonly (Direction & { readonly kind: Kind })[],
  [a, b]: readonly [Place, Place],
): number {
  for (const [index, { kind, descending, nullsFirst }] of terms.entries()) {
    const [x, y] = [a[index] ?? null, b[index] ?? null];
    if (x === null || y === null) {
      const sign = Number(x === null) - Number(y === null);
      if (sign !== 0) return nullsFirst ? -sign : sign;
      continue;
    }
    doubt(scope.features, x, y);
    const sign = compare(kind, x, y);
    if (sign !== 0) return descending ? -sign : sign;
  }
  return 0;
}
