/** What SQL tells of a codec's value, for filters and orders. */

import { ServiceError } from "../errors.ts";
import type { Column } from "../model/model.ts";
import type { Builder } from "./select-builder.ts";
import { typeOfScalar } from "./select-compare.ts";

/** An expression: a scalar with its PostgreSQL type, or a JSON list of whole numbers. */
export type CodecTerm =
  | { readonly kind: "scalar"; readonly sql: string; readonly type: string }
  | { readonly kind: "list"; readonly sql: string };

const remedies = {
  filtered: "Filter by another field, or by isNull.",
  ordered: "Order by another field.",
  aggregated: "Ask for another field.",
};

/** The codec column of a row, and its SQL there. */
interface Place {
  readonly entity: string;
  readonly column: Column;
  readonly sql: string;
}

/**
 * The field `name` of a codec's value. `verb` is what a refusal says of it: `filtered`, `ordered`, `aggregated`.
 * @throws {BAD_USER_INPUT} where only the bytes tell it; {CODEC_UNAVAILABLE} where the codec is not loaded.
 */
export function codecTerm(
  builder: Builder,
  { entity, column, sql }: Place,
  { name, verb }: { readonly name: string; readonly verb: "filtered" | "ordered" | "aggregated" },
): CodecTerm {
  const { codec } = column.type;
  const known = codec === undefined ? undefined : builder.codecs(codec, name);
  if (known?.unavailable !== undefined) throw known.unavailable;
  if (known?.sql === undefined || known.filter === undefined) {
    const where = codec?.store === undefined ? "in the row" : "in a store";
    throw new ServiceError(
      "BAD_USER_INPUT",
      `${entity}.${column.field} cannot be ${verb} by ${name}: the codec "${codec?.name}" tells it only from the bytes, where values lie ${where}.`,
      { details: { field: `${column.field}.${name}`, remedy: remedies[verb] } },
    );
  }
  // Codecs tell what a value says; of a row without one nothing is told, not even a default.
  const value = `(CASE WHEN ${sql} IS NOT NULL THEN ${known.sql(sql)} END)`;
  if (known.filter === "IntList") return { kind: "list", sql: value };
  const cast = known.filter === "DateTime" ? `${value}::timestamptz` : value;
  return { kind: "scalar", sql: cast, type: typeOfScalar[known.filter] };
}
