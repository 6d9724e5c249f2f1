/** Values of an extension as the JSON of GraphQL's leaf types. */

import { GraphQLError, type GraphQLLeafType, isSpecifiedScalarType } from "graphql";
import { scalars } from "../scalar/scalars.ts";

const ownScalars = new Map(scalars.map((scalar) => [scalar.name, scalar]));

/**
 * A value as JSON: numbers and bigints for BigInt and Decimal, JavaScript dates for Date and DateTime, bytes for Bytes, NaN for Float64.
 * @throws GraphQLError naming type and value where it does not fit.
 */
export function leafJson(type: GraphQLLeafType, value: unknown): unknown {
  const scalar = ownScalars.get(type.name);
  if (scalar === undefined || isSpecifiedScalarType(type)) {
    const json = type.serialize(value);
    if (json !== undefined && json !== null) return json;
    throw new GraphQLError(`${type.name} cannot represent ${String(value)}.`);
  }
  switch (type.name) {
    case "Bytes":
      return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : checkedBytes(value);
    case "Date":
      return scalar.parse(value instanceof Date ? dayOf(value) : value);
    case "BigInt":
    case "Decimal":
      return scalar.parse(type.name === "Decimal" && typeof value === "bigint" ? String(value) : value);
    case "Float32":
    case "Float64":
      return scalar.parse(typeof value === "number" && !Number.isFinite(value) ? String(value) : value);
    case "DateTime":
      return scalar.parse(
        value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value,
      );
    case "JSON":
      return checkedJson(value);
    default:
      return scalar.parse(value);
  }
}

function dayOf(date: Date): string {
  if (Number.isNaN(date.getTime())) throw new GraphQLError("Date cannot represent an invalid Date.");
  return date.toISOString().slice(0, 10);
}

function checkedBytes(value: unknown): unknown {
  ownScalars.get("Bytes")?.parse(value);
  return value;
}

/** What JSON.stringify would leave out or refuse is no JSON value. */
function checkedJson(value: unknown): unknown {
  const text = JSON.stringify(value);
  if (text === undefined) throw new GraphQLError(`JSON cannot represent a ${typeof value}.`);
  return JSON.parse(text);
}
