/** The scalars of the API on input, by their documentation. Parsed values are text that the kinds read. */

import { GraphQLError, type GraphQLSchema, isScalarType, Kind, type ValueNode } from "graphql";

type Parse = (value: unknown) => unknown;

/** graphql-js puts the argument's or the variable's name in front; what the remedy says is the service's own. */
function refuse(scalar: string, value: unknown): never {
  const text = JSON.stringify(value) ?? String(value);
  throw new GraphQLError(
    `${scalar} cannot represent ${text.length > 80 ? `${text.slice(0, 77)}...` : text}: …`,
  );
}

function bigInt(value: unknown): unknown {
  const isWhole =
    (typeof value === "number" && Number.isSafeInteger(value)) ||
    (typeof value === "string" && /^[+-]?\d{1,40}$/.test(value));
  if (!isWhole) return refuse("BigInt", value);
  const number = BigInt(String(value).replace(/^\+/, ""));
  if (number < -(2n ** 63n) || number > 2n ** 63n - 1n) return refuse("BigInt", value);
  return String(number);
}

function decimal(value: unknown): unknown {
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  if (typeof value === "string" && /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?$/.test(value)) return value;
  return refuse("Decimal", value);
}

function floating(scalar: string): Parse {
  return (value) => {
    if (typeof value === "number" && Number.isFinite(value)) {
      if (scalar === "Float32" && !Number.isFinite(Math.fround(value))) return refuse(scalar, value);
      return value;
    }
    return value === "NaN" || value === "Infinity" || value === "-Infinity" ? value : refuse(scalar, value);
  };
}

/** The day that a text names, unless there is none. */
function dayOf(text: string): boolean {
  const at = new Date(`${text}T00:00:00Z`);
  return text >= "0001" && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

function date(value: unknown): unknown {
  if (typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value) && dayOf(value)) return value;
  return refuse("Date", value);
}

function dateTime(value: unknown): unknown {
  const match =
    typeof value === "string"
      ? /^(\d{4}-\d\d-\d\d)[Tt ]([01]\d|2[0-3])(:[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/.exec(
          value,
        )
      : null;
  const [, on = "", hours = "", rest = "", fraction = "", zone = ""] = match ?? [];
  const kept = fraction.replace(/0+$/, "");
  if (match === null || !dayOf(on) || kept.length > 6) return refuse("DateTime", value);
  const at = new Date(`${on}T${hours}${rest}${zone.toUpperCase()}`).toISOString();
  if (!/^\d{4}-/.test(at) || at.startsWith("0000")) return refuse("DateTime", value);
  return `${at.slice(0, 19)}.${kept.padEnd(6, "0")}Z`;
}

const parsers: Readonly<Record<string, Parse>> = {
  BigInt: bigInt,
  Decimal: decimal,
  Float32: floating("Float32"),
  Float64: floating("Float64"),
  Date: date,
  DateTime: dateTime,
  UUID: (value) =>
    typeof value === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)
      ? value.toLowerCase()
      : refuse("UUID", value),
  Bytes: (value) =>
    typeof value === "string" && Buffer.from(value, "base64").toString("base64") === value
      ? value
      : refuse("Bytes", value),
  JSON: (value) => value,
};

/** Gives the scalars of a schema built from SDL their parsers. */
export function implementScalars(schema: GraphQLSchema): void {
  for (const [name, parse] of Object.entries(parsers)) {
    const type = schema.getType(name);
    if (!isScalarType(type)) continue;
    const isText = name === "BigInt" || name === "Decimal";
    type.parseValue = parse;
    type.parseLiteral = (node, variables) => parse(plain(node, isText, variables ?? {}));
  }
}

function plain(node: ValueNode, isText: boolean, variables: Readonly<Record<string, unknown>>): unknown {
  switch (node.kind) {
    case Kind.INT:
    case Kind.FLOAT:
      return isText ? node.value : Number(node.value);
    case Kind.NULL:
      return null;
    case Kind.LIST:
      return node.values.map((item) => plain(item, isText, variables));
    case Kind.OBJECT:
      return Object.fromEntries(
        node.fields.map((field) => [field.name.value, plain(field.value, isText, variables)]),
      );
    case Kind.VARIABLE:
      return variables[node.name.value] ?? null;
    case Kind.ENUM:
      throw new GraphQLError(`An enum's value is no scalar.`, { nodes: node });
    default:
      return node.value;
  }
}
