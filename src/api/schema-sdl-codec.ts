/** GraphQL types of codec fields: output types merged over the codecs that share one, their filters, and Opaque. */

import type { FilterScalar } from "../codec/contract.ts";
import type { OutputType } from "../codec/registry.ts";
import { measureSdl } from "./schema-sdl-codec-measure.ts";
import { definition, field } from "./schema-sdl-names.ts";

/** Type and fields of a column whose codec nobody knows. */
const opaqueType = "Opaque";

/** SDL of the output types and filters of all codecs. */
export function codecSdl(outputs: Iterable<OutputType>): string {
  const own = [...outputs].flatMap((output) => [
    outputSdl(output),
    filterSdl(output),
    orderSdl(output),
    measureSdl(output),
  ]);
  return [...own, opaqueSdl].filter((text) => text !== "").join("\n");
}

/** Name of the type by which lists are ordered by what the row tells of a codec's value; `undefined` where it tells nothing. */
export function codecOrder(output: OutputType | undefined): string | undefined {
  return output === undefined || orderedFields(output).length === 0 ? undefined : `${output.name}OrderBy`;
}

function orderedFields(output: OutputType): readonly string[] {
  return [...output.fields].flatMap(([name, { filter }]) =>
    filter === undefined || filter === "IntList" ? [] : [name],
  );
}

function orderSdl(output: OutputType): string {
  const fields = orderedFields(output).map((name) => `${name}: OrderDirection`);
  return definition(`input ${output.name}OrderBy @oneOf`, fields);
}

function outputSdl(output: OutputType): string {
  const own = [...output.fields].map(([name, { type, args, description }]) =>
    field(`${name}${args === undefined ? "" : `(${args})`}: ${type}`, description),
  );
  const url = field(
    "url(expiresIn: Int = 3600, direct: Boolean = false): String!",
    "The bytes under a signed URL that any HTTP client can read, in ranges too. Valid for expiresIn seconds, 7 days at most. direct: a URL of the store itself, valid for 300 seconds at most; refused where the store or the value has none.",
  );
  return definition(`type ${output.name}`, [...own, url]);
}

function filterSdl(output: OutputType): string {
  const filters = [...output.fields].flatMap(([name, own]) =>
    own.filter === undefined ? [] : [`${name}: ${filterType(own.filter)}`],
  );
  return definition(`input ${output.name}Filter`, [...filters, "isNull: Boolean"]);
}

function filterType(filter: FilterScalar): string {
  return filter === "IntList" ? "IntListFilter" : `${filter}Filter`;
}

const opaqueSdl = `"A stored value whose codec is not loaded."
type ${opaqueType} {
  "The codec's name as the column's comment has it."
  codec: String!
  "The value as it lies in the row: JSON, or bytes as base64 text."
  raw: JSON
}

input ${opaqueType}Filter {
  isNull: Boolean
}
`;
