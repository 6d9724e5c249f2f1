/**
 * Variables as graphql-js coerces them, by functions made once for each variable of a document: a bulk create has thousands of values. Where
 * anything does not fit, graphql-js is asked, which says what and why.
 */

import {
  type GraphQLInputType,
  type GraphQLSchema,
  getVariableValues,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  Kind,
  typeFromAST,
  type VariableDefinitionNode,
} from "graphql";
import { refuseCrowds, tellableFaults } from "./variables-guard.ts";

type Coerced = ReturnType<typeof getVariableValues>;
type Coerce = (value: unknown) => unknown;

/** A value does not fit; thrown and caught here alone. */
const misfit = Symbol("misfit");

/** A cache of a pure function: documents are parsed for one schema. */
const made = new WeakMap<VariableDefinitionNode, Coerce | undefined>();
const madeForTypes = new WeakMap<GraphQLInputType, Coerce>();

/** Coerces what a request gives for its variables. @throws {BAD_USER_INPUT} for objects that are too crowded for graphql-js. */
export function coerceVariables(
  schema: GraphQLSchema,
  definitions: readonly VariableDefinitionNode[],
  given: Readonly<Record<string, unknown>>,
): Coerced {
  try {
    const coerced: Record<string, unknown> = {};
    for (const definition of definitions) {
      const name = definition.variable.name.value;
      if (!Object.hasOwn(given, name)) {
        // Its default, or that it is missing, is for graphql-js.
        if (definition.defaultValue !== undefined || definition.type.kind === Kind.NON_NULL_TYPE)
          throw misfit;
        continue;
      }
      coerced[name] = coercerOf(schema, definition)(given[name]);
    }
    return { coerced };
  } catch (error) {
    if (error !== misfit) throw error;
    for (const { variable, type } of definitions) {
      const inputType = typeFromAST(schema, type);
      const name = variable.name.value;
      if (isInputType(inputType) && Object.hasOwn(given, name)) refuseCrowds(given[name], inputType, name);
    }
    return getVariableValues(schema, definitions, given, { maxErrors: tellableFaults(given) });
  }
}

function coercerOf(schema: GraphQLSchema, definition: VariableDefinitionNode): Coerce {
  const known = made.get(definition);
  if (known !== undefined) return known;
  const type = typeFromAST(schema, definition.type);
  if (!isInputType(type)) throw misfit;
  const coerce = coercer(type);
  made.set(definition, coerce);
  return coerce;
}

function coercer(type: GraphQLInputType): Coerce {
  const known = madeForTypes.get(type);
  if (known !== undefined) return known;
  // Types refer to themselves: their function is known before it is made.
  let coerce: Coerce | undefined;
  const later: Coerce = (value) => (coerce ?? refuse)(value);
  madeForTypes.set(type, later);
  coerce = makeCoercer(type);
  madeForTypes.set(type, coerce);
  return coerce;
}

function refuse(): never {
  throw misfit;
}

function makeCoercer(type: GraphQLInputType): Coerce {
  if (isNonNullType(type)) {
    const inner = coercer(type.ofType);
    return (value) => (value === null || value === undefined ? refuse() : inner(value));
  }
  if (isListType(type)) {
    const inner = coercer(type.ofType);
    return (value) => {
      if (value === null || value === undefined) return null;
      return Array.isArray(value) ? value.map(inner) : [inner(value)];
    };
  }
  if (isInputObjectType(type)) return objectCoercer(type);
  return (value) => {
    if (value === null || value === undefined) return null;
    let parsed: unknown;
    try {
      parsed = type.parseValue(value);
    } catch {
      refuse();
    }
    return parsed === undefined ? refuse() : parsed;
  };
}

function objectCoercer(type: GraphQLInputType & { getFields(): object; isOneOf: boolean }): Coerce {
  if (!isInputObjectType(type)) return refuse;
  const fields = Object.values(type.getFields()).map(({ name, type: of, defaultValue }) => ({
    name,
    usual: defaultValue,
    isRequired: isNonNullType(of),
    coerce: coercer(of),
  }));
  return (value) => {
    if (value === null || value === undefined) return null;
    if (typeof value !== "object" || Array.isArray(value)) return refuse();
    const given = value as Readonly<Record<string, unknown>>; // checked
    const coerced: Record<string, unknown> = {};
    let found = 0;
    for (const { name, usual, isRequired, coerce } of fields) {
      const one = given[name];
      if (one !== undefined) {
        coerced[name] = coerce(one);
        found += 1;
      } else if (usual !== undefined) coerced[name] = usual;
      else if (isRequired) refuse();
    }
    // Something that is no field; or nothing but one field may be given.
    if (Object.keys(given).length !== found || type.isOneOf)
      return oneOf(type.isOneOf, given, coerced, found);
    return coerced;
  };
}

function oneOf(
  isOneOf: boolean,
  given: object,
  coerced: Readonly<Record<string, unknown>>,
  found: number,
): unknown {
  const [first, ...others] = Object.values(coerced);
  const fits = isOneOf && Object.keys(given).length === found && others.length === 0;
  return fits && first !== null && first !== undefined ? coerced : refuse();
}
