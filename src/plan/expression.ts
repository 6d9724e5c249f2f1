/** Arguments as expressions over variables, so that one plan serves every value. */

import {
  type FieldNode,
  type GraphQLArgument,
  GraphQLError,
  type GraphQLField,
  type GraphQLInputType,
  isInputObjectType,
  isListType,
  isNonNullType,
  Kind,
  type ValueNode,
  valueFromAST,
} from "graphql";

/** A value that is known, or will be when the variables are. */
export type Expression =
  | { readonly kind: "literal"; readonly value: unknown }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly Expression[]; readonly required: boolean }
  | { readonly kind: "object"; readonly fields: Arguments };

/** Expressions by argument or input field; `fallback` stands in where a variable is not given. */
export type Arguments = Readonly<
  Record<string, { readonly expression: Expression; readonly fallback?: unknown; readonly required: boolean }>
>;

/** The arguments of a validated field. */
export function planArguments(definition: GraphQLField<unknown, unknown>, node: FieldNode): Arguments {
  const given = new Map((node.arguments ?? []).map((argument) => [argument.name.value, argument.value]));
  return planFields(definition.args, given);
}

type Named = Pick<GraphQLArgument, "name" | "type" | "defaultValue">;

function planFields(definitions: readonly Named[], given: ReadonlyMap<string, ValueNode>): Arguments {
  const planned = definitions.flatMap((definition) => {
    const value = given.get(definition.name);
    const fallback = definition.defaultValue === undefined ? {} : { fallback: definition.defaultValue };
    if (value === undefined && definition.defaultValue === undefined) return [];
    const expression: Expression =
      value === undefined
        ? { kind: "literal", value: definition.defaultValue }
        : planValue(value, definition.type);
    return [
      [definition.name, { expression, ...fallback, required: isNonNullType(definition.type) }] as const,
    ];
  });
  return Object.fromEntries(planned);
}

function planValue(node: ValueNode, type: GraphQLInputType): Expression {
  if (node.kind === Kind.VARIABLE) return { kind: "variable", name: node.name.value };
  const inner = isNonNullType(type) ? type.ofType : type;
  if (!hasVariables(node)) {
    const value = valueFromAST(node, type);
    checkLiteral(value, node);
    return { kind: "literal", value };
  }
  if (isListType(inner)) {
    const nodes = node.kind === Kind.LIST ? node.values : [node];
    const items = nodes.map((item) => planValue(item, inner.ofType));
    return { kind: "list", items, required: isNonNullType(inner.ofType) };
  }
  if (isInputObjectType(inner) && node.kind === Kind.OBJECT) {
    const given = new Map(node.fields.map((field) => [field.name.value, field.value]));
    return { kind: "object", fields: planFields(Object.values(inner.getFields()), given) };
  }
  return planJson(node);
}

/** A scalar literal with variables inside: only JSON has such. */
function planJson(node: ValueNode): Expression {
  if (node.kind === Kind.VARIABLE) return { kind: "variable", name: node.name.value };
  if (node.kind === Kind.LIST) return { kind: "list", items: node.values.map(planJson), required: false };
  if (node.kind === Kind.OBJECT) {
    const fields = node.fields.map(
      (field) => [field.name.value, { expression: planJson(field.value), required: false }] as const,
    );
    return { kind: "object", fields: Object.fromEntries(fields) };
  }
  if (node.kind === Kind.INT || node.kind === Kind.FLOAT)
    return { kind: "literal", value: Number(node.value) };
  return { kind: "literal", value: node.kind === Kind.NULL ? null : node.value };
}

function hasVariables(node: ValueNode): boolean {
  if (node.kind === Kind.VARIABLE) return true;
  if (node.kind === Kind.LIST) return node.values.some(hasVariables);
  return node.kind === Kind.OBJECT && node.fields.some((field) => hasVariables(field.value));
}

function checkLiteral(value: unknown, node: ValueNode): void {
  const unfit = unfitLiteral(value);
  if (unfit !== undefined)
    throw new GraphQLError(unfit.fault, { nodes: node, extensions: { code: "BAD_USER_INPUT" } });
}

/** What PostgreSQL could not take, whatever its type: NUL, half a surrogate pair, a number beyond 64-bit floating point. */
export interface UnfitLiteral {
  readonly fault: string;
  /** Where in the value it stands; empty for the value itself. */
  readonly path: readonly string[];
}

interface Part {
  readonly value: object;
  readonly name?: string;
  readonly above?: Part;
}

/** A part of `value` that no column could take. Not recursive: JSON of a request may be nested to any depth. */
export function unfitLiteral(value: unknown): UnfitLiteral | undefined {
  const fault = plainFault(value);
  if (fault !== undefined) return { fault, path: [] };
  const open: Part[] = isCompound(value) ? [{ value }] : [];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const isList = Array.isArray(part.value);
    for (const name of Object.keys(part.value)) {
      const inner: unknown = Reflect.get(part.value, name);
      const wrong = (isList ? undefined : plainFault(name)) ?? plainFault(inner);
      if (wrong !== undefined) return { fault: wrong, path: [...pathOf(part), name] };
      if (isCompound(inner)) open.push({ value: inner, name, above: part });
    }
  }
  return undefined;
}

function isCompound(value: unknown): value is object {
  return value !== null && typeof value === "object" && !(value instanceof Uint8Array);
}

function pathOf(part: Part): string[] {
  const path: string[] = [];
  for (let at: Part | undefined = part; at !== undefined; at = at.above) {
    if (at.name !== undefined) path.unshift(at.name);
  }
  return path.slice(0, 20);
}

function plainFault(value: unknown): string | undefined {
  if (typeof value === "string") {
    if (value.includes("\0")) {
      return "A string contains the character NUL (U+0000), which PostgreSQL cannot store; remove it or use Bytes.";
    }
    return value.isWellFormed()
      ? undefined
      : "A string contains half of a surrogate pair; send well-formed Unicode.";
  }
  if (typeof value !== "number" || Number.isFinite(value)) return undefined;
  return "A number is beyond the range of 64-bit floating point; Float takes finite numbers only.";
}

/** The values of `planned` for one request. @throws GraphQLError where a required one is null. */
export function evaluateArguments(
  planned: Arguments,
  variables: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, { expression, fallback, required }] of Object.entries(planned)) {
    const found = evaluate(expression, variables, name);
    const value = found === undefined ? fallback : found;
    if (value === null && required) throw nullFault(`Argument or field "${name}"`);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

/** `undefined` stands for a variable that was not given. */
function evaluate(
  expression: Expression,
  variables: Readonly<Record<string, unknown>>,
  name: string,
): unknown {
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "variable":
      return variables[expression.name];
    case "list":
      return expression.items.map((item) => {
        const value = evaluate(item, variables, name) ?? null;
        if (value === null && expression.required) throw nullFault(`An element of "${name}"`);
        return value;
      });
    case "object":
      return evaluateArguments(expression.fields, variables);
  }
}

function nullFault(what: string): GraphQLError {
  return new GraphQLError(`${what} of non-null type must not be null.`, {
    extensions: { code: "BAD_USER_INPUT" },
  });
}
