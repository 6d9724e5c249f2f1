/** Types of what is told of many codec values at once: shared by all entities. */

import type { CodecRegistry, OutputType } from "../codec/registry.ts";
import type { Column } from "../model/model.ts";
import { definition } from "./schema-sdl-names.ts";

/** Kinds of those types, by what follows the name of the codec's output type. */
export type CodecMeasures = "Sums" | "Extremes" | "SumsHaving" | "ExtremesHaving";

/** Types of sums and averages, as those of columns. */
const sums: Readonly<Record<string, string>> = { Int: "Decimal", BigInt: "Decimal", Float: "Float64" };

function fieldsOf(output: OutputType, kind: CodecMeasures): readonly string[] {
  return [...output.fields].flatMap(([name, { filter }]) => {
    if (filter === undefined || filter === "IntList") return [];
    // Float64 can say what Float cannot.
    const extreme = filter === "Float" ? "Float64" : filter;
    const type = kind.startsWith("Sums") ? sums[filter] : extreme;
    return type === undefined ? [] : [`${name}: ${type}${kind.endsWith("Having") ? "Filter" : ""}`];
  });
}

/** SDL of the measures of one output type. */
export function measureSdl(output: OutputType): string {
  const name = (kind: CodecMeasures) => `${output.name}${kind}`;
  return [
    definition(`type ${name("Sums")}`, fieldsOf(output, "Sums")),
    definition(`type ${name("Extremes")}`, fieldsOf(output, "Extremes")),
    definition(`input ${name("SumsHaving")}`, fieldsOf(output, "SumsHaving")),
    definition(`input ${name("ExtremesHaving")}`, fieldsOf(output, "ExtremesHaving")),
  ]
    .filter((text) => text !== "")
    .join("\n");
}

/** Fields of an entity's measures: one for each codec column of which the row tells something. */
export function codecMeasures(
  outputs: CodecRegistry["outputs"],
  kind: CodecMeasures,
): (column: Column) => readonly string[] {
  return ({ field, type }) => {
    const output = type.codec === undefined ? undefined : outputs.get(type.graphql);
    return output === undefined || fieldsOf(output, kind).length === 0
      ? []
      : [`${field}: ${type.graphql}${kind}`];
  };
}
