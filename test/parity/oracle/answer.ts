/** One operation, answered by graphql-js alone. */

import {
  execute,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  GraphQLIncludeDirective,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getDirectiveValues,
  getNamedType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  parse,
  type SelectionNode,
  type SelectionSetNode,
  specifiedRules,
  validate,
} from "graphql";
import { getArgumentValues, getVariableValues } from "graphql/execution/values.js";
import type { CodecUse } from "../../../src/model/model.ts";
import { type Contents, isTold, UnknownContent } from "./codecs.ts";
import { Features } from "./features.ts";
import type { Meanings } from "./meanings.ts";
import { Fault, Refused } from "./refused.ts";
import type { Asked, Check } from "./resolvers.ts";
import type { Tables } from "./tables.ts";

/** What an operation must be answered with. */
export type Wanted =
  | { readonly kind: "refused"; readonly messages?: readonly string[]; readonly codes?: ReadonlySet<string> }
  | {
      readonly kind: "answered";
      readonly data: unknown;
      readonly errors: readonly { readonly path: string; readonly code: string }[];
      /** A null stands for an operand where no row was asked: it may be refused as well. */
      readonly mayRefuse: boolean;
    };

/** What the oracle answers from. */
export interface Known {
  readonly schema: GraphQLSchema;
  readonly tables: Tables;
  readonly contents: Contents;
  readonly meanings: Meanings;
}

/** A request. */
export interface Request {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Answers a request. */
export function answer(
  known: Known,
  request: Request,
): { readonly wanted: Wanted; readonly features: Features } {
  const features = new Features();
  return { wanted: answered(known, request, features), features };
}

function answered(known: Known, request: Request, features: Features): Wanted {
  const { schema, tables, contents, meanings } = known;
  const document = parse(request.query);
  const faults = validate(schema, document, specifiedRules, { maxErrors: 20 });
  if (faults.length > 0) return { kind: "refused", messages: faults.map(({ message }) => message) };
  const operation = document.definitions.find((one) => one.kind === Kind.OPERATION_DEFINITION);
  const query = schema.getQueryType();
  if (operation === undefined || query === undefined || query === null) throw new TypeError("No query.");
  const coerced = getVariableValues(schema, operation.variableDefinitions ?? [], request.variables, {
    maxErrors: 50,
  });
  if (coerced.errors !== undefined)
    return { kind: "refused", messages: coerced.errors.map(({ message }) => message) };
  const scope = { schema, tables, contents, features: new Features() };
  const codes = new Set<string>();
  const walk: Walk = {
    hasNull: false,
    asked: { scope, meanings },
    schema,
    variables: coerced.coerced,
    codes,
    fragments: new Map(
      document.definitions.flatMap((one) =>
        one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one] as const] : [],
      ),
    ),
  };
  look(walk, query, operation.selectionSet, undefined);
  if (codes.size > 0) return { kind: "refused", codes };
  const result = execute({
    schema,
    document,
    variableValues: request.variables,
    contextValue: { scope: { ...scope, features }, meanings } satisfies Asked,
  });
  if (result instanceof Promise) throw new TypeError("Resolvers are not asynchronous.");
  const refused = (result.errors ?? []).flatMap(({ originalError }) =>
    originalError instanceof Refused ? [originalError.code] : [],
  );
  if (refused.length > 0) return { kind: "refused", codes: new Set(refused) };
  return {
    kind: "answered",
    mayRefuse: walk.hasNull,
    data: result.data,
    errors: (result.errors ?? []).map((error) => ({
      path: (error.path ?? []).join("."),
      code: codeOf(error, features),
    })),
  };
}

function codeOf(error: GraphQLError, features: Features): string {
  const { originalError } = error;
  if (originalError instanceof Fault) return originalError.code;
  if (originalError instanceof UnknownContent) features.unsure = originalError.message;
  else if (originalError !== undefined && !(originalError instanceof GraphQLError)) throw originalError;
  return error.message;
}

/** Arguments are refused wherever they stand, whether or not there is a row to ask them of. */
interface Walk {
  hasNull: boolean;
  readonly asked: Asked;
  readonly schema: GraphQLSchema;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly codes: Set<string>;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
}

/** `codec` is that of the values whose measures are selected. */
function look(walk: Walk, type: GraphQLNamedType, set: SelectionSetNode, codec: CodecUse | undefined): void {
  for (const selection of set.selections) {
    if (!isIncluded(walk, selection)) continue;
    if (selection.kind === Kind.FIELD) lookAtField(walk, type, selection, codec);
    else {
      const fragment =
        selection.kind === Kind.INLINE_FRAGMENT ? selection : walk.fragments.get(selection.name.value);
      const condition = fragment?.typeCondition?.name.value;
      const inner = condition === undefined ? type : walk.schema.getType(condition);
      if (fragment !== undefined && inner !== undefined) look(walk, inner, fragment.selectionSet, codec);
    }
  }
}

function lookAtField(walk: Walk, type: GraphQLNamedType, node: FieldNode, codec: CodecUse | undefined): void {
  if (!isObjectType(type) && !isInterfaceType(type)) return;
  const field = type.getFields()[node.name.value];
  if (field === undefined) return;
  // Set by the resolvers, which know what they take.
  if (codec !== undefined && !isTold(codec, field.name)) walk.codes.add("BAD_USER_INPUT");
  const check = field.extensions["check"] as Check | undefined;
  try {
    const args = getArgumentValues(field, node, walk.variables);
    check?.(walk.asked, args);
    for (const { name, type: argument } of field.args) {
      const value = args[name] ?? null;
      if (value !== null && hasNull(argument, value)) walk.hasNull = true;
      if (value !== null && hasNoOrder(argument, value)) walk.codes.add("BAD_USER_INPUT");
    }
  } catch (error) {
    if (error instanceof Refused) walk.codes.add(error.code);
    // A null for what must not be null.
    else if (error instanceof GraphQLError) walk.codes.add("BAD_USER_INPUT");
    else throw error;
  }
  if (node.selectionSet !== undefined) {
    const inner = field.extensions["codec"] as CodecUse | undefined; // set by the resolvers
    look(walk, getNamedType(field.type), node.selectionSet, inner);
  }
}

function isIncluded({ variables }: Walk, node: SelectionNode): boolean {
  if (getDirectiveValues(GraphQLSkipDirective, node, variables)?.["if"] === true) return false;
  return getDirectiveValues(GraphQLIncludeDirective, node, variables)?.["if"] !== false;
}

/** Whether null stands for a filter's operand, which it is not. */
function hasNull(type: GraphQLInputType, value: unknown): boolean {
  if (isNonNullType(type)) return hasNull(type.ofType, value);
  if (isListType(type)) return Array.isArray(value) && value.some((item) => hasNull(type.ofType, item));
  if (!isInputObjectType(type)) return false;
  return Object.entries(value ?? {}).some(([name, part]) => {
    const field = type.getFields()[name];
    return part === null || (field !== undefined && part !== undefined && hasNull(field.type, part));
  });
}

const orders: ReadonlySet<string> = new Set(["lt", "lte", "gt", "gte"]);

/** Whether JSON is to be in an order with what has none. */
export function hasNoOrder(type: GraphQLInputType, value: unknown): boolean {
  if (isNonNullType(type)) return hasNoOrder(type.ofType, value);
  if (isListType(type)) return Array.isArray(value) && value.some((item) => hasNoOrder(type.ofType, item));
  if (!isInputObjectType(type)) return false;
  const isJson = type.name === "JSONFilter" || type.name === "JSONPathFilter";
  return Object.entries(value ?? {}).some(([name, part]) => {
    if (part === null || part === undefined) return false;
    if (isJson && orders.has(name)) return typeof part !== "number" && typeof part !== "string";
    const field = type.getFields()[name];
    return field !== undefined && hasNoOrder(field.type, part);
  });
}
