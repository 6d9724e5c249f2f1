/** Filters of rows and of single values. */

import { type GraphQLSchema, getNamedType, isInputObjectType } from "graphql";
import type { Column, Entity } from "../../../src/model/model.ts";
import { jsonFrom } from "../json.ts";
import { type Contents, isTold, toldPart } from "./codecs.ts";
import type { Features } from "./features.ts";
import { holdsJson } from "./json-filter.ts";
import { type Kind, kindOfType, readOperand, type Value } from "./kinds.ts";
import { holdsList } from "./list-filter.ts";
import { given, holds } from "./operators.ts";
import { badInput } from "./refused.ts";
import type { Row, Tables } from "./tables.ts";

/** What the parts of the oracle share. */
export interface Scope {
  readonly schema: GraphQLSchema;
  readonly tables: Tables;
  readonly contents: Contents;
  readonly features: Features;
}

type Given = Readonly<Record<string, unknown>>;

/** The column that a field of filters, orders and answers shows. */
export function exposedColumn(entity: Entity, field: string): Column | undefined {
  return entity.columns.find((column) => column.exposed && column.field === field);
}

/** Whether a row fits. An absent or null `where` is no filter. */
export function fits(scope: Scope, row: Row, where: unknown): boolean {
  if (where === undefined || where === null) return true;
  return Object.entries(given(where, "where")).every(([name, part]) => condition(scope, row, name, part));
}

function condition(scope: Scope, row: Row, name: string, part: unknown): boolean {
  const { tables, features } = scope;
  if (part === null || part === undefined) throw badInput(`${name} is null.`);
  if (name === "and" || name === "or") {
    const items = part as readonly unknown[]; // the schema makes it a list
    features.meet(`filter ${name}${items.length === 0 ? " of nothing" : ""}`);
    return name === "and"
      ? items.every((item) => fits(scope, row, item))
      : items.some((item) => fits(scope, row, item));
  }
  if (name === "not") {
    features.meet("filter not");
    return !fits(scope, row, part);
  }
  const { entity } = row;
  const column = exposedColumn(entity, name);
  if (column !== undefined) return columnCondition(scope, row, { column, part });
  const reference = entity.references.find(({ field }) => field === name);
  if (reference !== undefined) {
    const target = tables.target(row, reference);
    features.meet(`filter by a reference${Object.keys(part as Given).length === 0 ? " that is there" : ""}`);
    return target !== undefined && fits(scope, target, part);
  }
  const child = entity.children.find(({ field }) => field === name);
  if (child === undefined) throw new TypeError(`The oracle knows no filter ${entity.name}.${name}.`);
  const rows = tables.children(row, child);
  if (child.unique) {
    features.meet("filter by the one child");
    return rows.some((one) => fits(scope, one, part));
  }
  return Object.entries(given(part, name)).every(([quantifier, inner]) => {
    features.meet(`filter ${quantifier}`);
    if (quantifier === "every") return rows.every((one) => fits(scope, one, inner));
    const isSome = rows.some((one) => fits(scope, one, inner));
    return quantifier === "some" ? isSome : !isSome;
  });
}

function columnCondition(scope: Scope, row: Row, at: { column: Column; part: unknown }): boolean {
  const { column, part } = at;
  const { features } = scope;
  const kind = scope.tables.kind(column);
  const cell = row.cells[column.name] ?? null;
  if (kind?.name === "json") return holdsJson(features, cell === null ? undefined : jsonFrom(cell), part);
  if (kind !== undefined) return holdsValue(features, { kind, value: row.value(column, kind) }, part);
  return Object.entries(given(part, column.field)).every(([name, operand]) => {
    features.meet(`filter ${column.type.graphql} ${name}`);
    if (operand === null || operand === undefined) throw badInput(`${name} is null.`);
    if (name === "isNull") return (cell === null) === operand;
    const told = toldColumn(scope, column, name);
    return holdsValue(features, { kind: told.kind, value: told.of(row) }, operand);
  });
}

function holdsValue(
  features: Features,
  at: { readonly kind: Kind; readonly value: Value | null },
  filter: unknown,
): boolean {
  return at.kind.name === "list" ? holdsList(features, at, filter) : holds(features, at, filter);
}

/** What rows tell of a column's codec values as `part`. @throws Refused for what only the bytes tell. */
export function toldColumn(
  { schema, contents }: Scope,
  column: Column,
  part: string,
): { readonly kind: Kind; readonly of: (row: Row) => Value | null } {
  const { codec, graphql } = column.type;
  if (codec === undefined || !isTold(codec, part)) throw badInput(`${part} is not in the row.`);
  const kind = partKind(schema, graphql, part);
  return {
    kind,
    of: (row) => {
      const cell = row.cells[column.name] ?? null;
      const value = cell === null ? null : toldPart(codec, part, { cell, contents });
      if (value === null) return null;
      // Lists of codecs are lists of whole numbers.
      return kind.name === "list" ? (value as readonly number[]).map(String) : readOperand(kind, value);
    },
  };
}

/** The kind by which a codec's field is filtered: `String` of `StringFilter`. */
function partKind(schema: GraphQLSchema, output: string, part: string): Kind {
  const filter = schema.getType(`${output}Filter`);
  const type = isInputObjectType(filter) ? filter.getFields()[part]?.type : undefined;
  const name = type === undefined ? "" : getNamedType(type).name.replace(/Filter$/, "");
  if (name.endsWith("List")) return { name: "list", scalar: name.replace(/List$/, "") };
  const kind = kindOfType(name);
  if (kind === undefined) throw new TypeError(`The oracle knows no values of ${output}.${part}.`);
  return kind;
}
