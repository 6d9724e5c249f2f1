/**
 * What of a filter its SQL depends on: which fields and operators are there and how they are nested, never a value. JSON operands are values
 * as a whole: their keys are the caller's, and must not be mistaken for fields or operators of the filter.
 */

import type { Entity, Model } from "../model/model.ts";

/** What a field of a filter asks of. */
type Asked =
  | { readonly kind: "plain" }
  | { readonly kind: "json" }
  | { readonly kind: "rows"; readonly entity: string; readonly quantified: boolean };

const plain: Asked = { kind: "plain" };
const json: Asked = { kind: "json" };
const asked = new WeakMap<Entity, Map<string, Asked>>();

function askedOf(entity: Entity): Map<string, Asked> {
  const known = asked.get(entity);
  if (known !== undefined) return known;
  const made = new Map<string, Asked>();
  // In the order in which conditions look for fields, the last first.
  for (const { field, entity: name, unique } of entity.children)
    made.set(field, { kind: "rows", entity: name, quantified: !unique });
  for (const { field, target } of entity.references)
    made.set(field, { kind: "rows", entity: target, quantified: false });
  for (const { exposed, field, type } of entity.columns)
    if (exposed) made.set(field, type.codec === undefined && type.sql === "jsonb" ? json : plain);
  asked.set(entity, made);
  return made;
}

/** The shape of a filter on rows of `entity`; empty for an absent one. */
export function filterShape(model: Model, entity: Entity, where: unknown): string {
  return objectShape(where, (name, value) => {
    if (name === "and" || name === "or") return listShape(value, (one) => filterShape(model, entity, one));
    if (name === "not") return filterShape(model, entity, value);
    const field = askedOf(entity).get(name) ?? plain;
    if (field.kind === "json") return jsonShape(value);
    const target = field.kind === "rows" ? model.entity.get(field.entity) : undefined;
    if (field.kind === "plain" || target === undefined) return valueShape(value);
    return field.quantified
      ? objectShape(value, (_, inner) => filterShape(model, target, inner))
      : filterShape(model, target, value);
  });
}

const nested: ReadonlySet<string> = new Set(["not", "some", "every", "none"]);
const listed: ReadonlySet<string> = new Set(["and", "or", "at"]);
const typed: ReadonlySet<string> = new Set(["number", "text", "length", "isNull", "exists", "isEmpty"]);

/** The shape of a filter on JSON, or on a list of scalars. */
function jsonShape(filter: unknown): string {
  return objectShape(filter, (name, value) => {
    if (listed.has(name)) return listShape(value, jsonShape);
    if (nested.has(name)) return jsonShape(value);
    if (typed.has(name)) return valueShape(value);
    return value === null ? "0" : "?";
  });
}

function listShape(value: unknown, shape: (item: unknown) => string): string {
  return Array.isArray(value) ? `[${value.map(shape).join(",")}]` : valueShape(value);
}

function objectShape(value: unknown, shape: (name: string, inner: unknown) => string): string {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return valueShape(value);
  const parts = Object.entries(value).flatMap(([name, inner]) =>
    inner === undefined ? [] : [`${name}${shape(name, inner)}`],
  );
  return `{${parts.join(",")}}`;
}

/** The shape of a value whose keys are all names of the schema. */
export function valueShape(value: unknown): string {
  if (value === undefined) return "";
  if (value === null) return "0";
  if (typeof value === "boolean") return value ? "t" : "f";
  if (typeof value !== "object" || value instanceof Uint8Array) return "?";
  if (Array.isArray(value)) {
    const isList = value.some((item) => item !== null && typeof item === "object");
    return isList ? listShape(value, valueShape) : `[${value.length === 0 ? "" : "?"}]`;
  }
  return objectShape(value, (_, inner) => valueShape(inner));
}
