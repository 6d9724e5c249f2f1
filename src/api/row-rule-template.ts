/** A rule as a filter in which claims are still to be filled in; everything else is checked and coerced once. */

import {
  coerceInputValue,
  type GraphQLInputType,
  type GraphQLSchema,
  getNullableType,
  isInputObjectType,
  isLeafType,
  isListType,
  isRequiredInputField,
} from "graphql";
import { ServiceError } from "../errors.ts";
import { unfitLiteral } from "../plan/expression.ts";

/** What is known of a viewer, by name. */
export type Claims = Readonly<Record<string, unknown>>;

/** An operand that each viewer brings. */
class Claim {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** The viewer's claim of that name, as an operand of a rule. */
export function claim(name: string): Claim {
  return new Claim(name);
}

/** The rule's filter for a viewer. @throws {FORBIDDEN} where a claim is missing or does not fit. */
export type RuleTemplate = (claims: Claims | typeof placeholders) => unknown;

/** Stands for claims while a rule is checked. */
export const placeholders: unique symbol = Symbol("placeholders");

/** Operators whose operand decides what the SQL says; claims never may. */
const textual: ReadonlySet<string> = new Set(["isNull", "exists", "isEmpty"]);

interface Place {
  readonly role: string;
  readonly path: readonly (string | number)[];
}

/** Binds a rule to the filter type of its entity. @throws {CONFIG_INVALID} naming role and place. */
export function bindRule(
  schema: GraphQLSchema,
  { role, entity, filter }: { readonly role: string; readonly entity: string; readonly filter: unknown },
): RuleTemplate {
  const place = { role, path: [entity] };
  const type = schema.getType(`${entity}Filter`);
  if (
    schema.getQueryType() == null ||
    !isInputObjectType(type) ||
    schema.getType(`${entity}Connection`) === undefined
  )
    throw wrong(place, "there is no such entity");
  return bind(type, filter, place);
}

function bind(type: GraphQLInputType, value: unknown, place: Place): RuleTemplate {
  const inner = getNullableType(type);
  if (value instanceof Claim) return bindClaim(inner, value, place);
  if (value === null || value === undefined) throw wrong(place, "there is no value");
  if (isListType(inner) && Array.isArray(value)) {
    const items = value.map((item, index) => bind(inner.ofType, item, below(place, index)));
    return (claims) => items.map((item) => item(claims));
  }
  if (isInputObjectType(inner)) return bindObject(inner.getFields(), value, place);
  const coerced = coerceInputValue(value, type, (_, __, { message }) => {
    throw wrong(place, message);
  });
  const unfit = unfitLiteral(coerced);
  if (unfit !== undefined) throw wrong(place, unfit.fault);
  return () => coerced;
}

type Fields = ReturnType<Extract<GraphQLInputType, { getFields(): unknown }>["getFields"]>;

function bindObject(fields: Fields, value: unknown, place: Place): RuleTemplate {
  if (typeof value !== "object" || Array.isArray(value)) throw wrong(place, "it is no object");
  const given = Object.entries(value ?? {});
  for (const [name] of given)
    if (!Object.hasOwn(fields, name)) throw wrong(below(place, name), "there is no such field");
  const missing = Object.values(fields).find(
    (one) => isRequiredInputField(one) && !given.some(([name]) => name === one.name),
  );
  if (missing !== undefined) throw wrong(below(place, missing.name), "it is missing");
  const bound = given.flatMap(([name, inner]) => {
    const field = fields[name];
    return field === undefined ? [] : [[name, bind(field.type, inner, below(place, name))] as const];
  });
  return (claims) => Object.fromEntries(bound.map(([name, inner]) => [name, inner(claims)]));
}

function bindClaim(type: GraphQLInputType, { name }: Claim, place: Place): RuleTemplate {
  const isList = isListType(type);
  const leaf = isList ? getNullableType(type.ofType) : type;
  if (!isLeafType(leaf) || textual.has(String(place.path.at(-1))))
    throw wrong(place, "a claim can only be the operand of a comparison");
  return (claims) => {
    if (claims === placeholders) return isList ? [] : "";
    const given = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (given === undefined || given === null)
      throw new ServiceError("FORBIDDEN", `The caller has no claim ${name}, which a rule of rows needs.`);
    const value = coerceInputValue(given, type, () => {
      throw unfitClaim(name);
    });
    if (unfitLiteral(value) !== undefined) throw unfitClaim(name);
    return value;
  };
}

function unfitClaim(name: string): ServiceError {
  return new ServiceError("FORBIDDEN", `The caller's claim ${name} does not fit a rule of rows.`);
}

function below({ role, path }: Place, step: string | number): Place {
  return { role, path: [...path, step] };
}

function wrong({ role, path }: Place, fault: string): ServiceError {
  const field = path.join(".");
  return new ServiceError("CONFIG_INVALID", `The row rule of ${role} at ${field}: ${fault}.`, {
    details: { field },
  });
}
