/** All scalars beyond GraphQL's own, and how they are put into a schema that was built from SDL text. */

import {
  type FloatValueNode,
  GraphQLError,
  type GraphQLSchema,
  type IntValueNode,
  isScalarType,
  Kind,
  type ValueNode,
} from "graphql";
import { isRounded } from "../long-integer.ts";
import { refusal } from "./fault.ts";
import { bigIntScalar, decimalScalar, float32Scalar, float64Scalar } from "./numbers.ts";
import type { Scalar } from "./scalar.ts";
import { bytesScalar, jsonScalar, uuidScalar } from "./text.ts";
import { dateScalar, dateTimeScalar } from "./times.ts";

/** The scalars of the API, in the order of the printed schema. */
export const scalars: readonly Scalar[] = [
  bigIntScalar,
  bytesScalar,
  dateScalar,
  dateTimeScalar,
  decimalScalar,
  float32Scalar,
  float64Scalar,
  jsonScalar,
  uuidScalar,
];

/** Gives the scalars of `schema`, which SDL text only names, their parsers. */
export function implementScalars(schema: GraphQLSchema): void {
  for (const scalar of scalars) {
    const type = schema.getType(scalar.name);
    if (!isScalarType(type)) continue;
    type.parseValue = (value) => scalar.parse(value);
    type.parseLiteral = (node, variables) => scalar.parse(literal(node, scalar, variables ?? undefined));
    type.serialize = (value) => value;
  }
}

function literal(node: ValueNode, scalar: Scalar, variables: Record<string, unknown> | undefined): unknown {
  switch (node.kind) {
    case Kind.STRING:
    case Kind.BOOLEAN:
      return node.value;
    case Kind.INT:
    case Kind.FLOAT:
      return scalar.exactNumbers === true ? node.value : number(node, scalar);
    case Kind.NULL:
      return null;
    case Kind.LIST:
      return node.values.map((item) => literal(item, scalar, variables));
    case Kind.OBJECT:
      return Object.fromEntries(
        node.fields.map((field) => [field.name.value, literal(field.value, scalar, variables)]),
      );
    case Kind.VARIABLE:
      return variables?.[node.name.value] ?? null;
    case Kind.ENUM:
      throw new GraphQLError(`${scalar.name} cannot represent ${node.value}: quote it.`, { nodes: node });
  }
}

function number(node: IntValueNode | FloatValueNode, scalar: Scalar): number {
  const number = Number(node.value);
  if (!Number.isFinite(number)) throw beyondRange(node);
  if (isRounded(node.value)) throw refusal(scalar.name, node.value, "it loses digits as a number, quote it");
  return number;
}

function beyondRange(node: ValueNode): GraphQLError {
  return new GraphQLError("A number literal is beyond the range of 64-bit floating point.", { nodes: node });
}
