/** GraphQL types of codec fields: output types merged over the codecs that share one, their filters, and Opaque. */

import type { Codec, CodecField } from "../codec/contract.ts";
import { definition, field } from "./schema-sdl-names.ts";

/** One output type with the fields of every codec that answers with it. */
export interface CodecOutput {
  readonly name: string;
  readonly fields: ReadonlyMap<string, CodecField>;
}

/** Type and fields of a column whose codec nobody knows. */
export const opaqueType = "Opaque";

/** Merges the codecs by output type. A field that not every codec of a type has becomes nullable. */
export function codecOutputs(codecs: Iterable<Codec>): readonly CodecOutput[] {
  const byType = new Map<string, Codec[]>();
  for (const codec of codecs) byType.set(codec.output, [...(byType.get(codec.output) ?? []), codec]);
  return [...byType].map(([name, group]) => ({ name, fields: mergedFields(group) }));
}

function mergedFields(group: readonly Codec[]): ReadonlyMap<string, CodecField> {
  const merged = new Map<string, CodecField>();
  for (const codec of group) {
    for (const [name, own] of Object.entries(codec.fields)) {
      if (!merged.has(name)) merged.set(name, own);
    }
  }
  for (const [name, own] of merged) {
    const everywhere = group.every((codec) => codec.fields[name]?.type === own.type);
    if (!everywhere) merged.set(name, { ...own, type: own.type.replace(/!$/, "") });
  }
  return merged;
}

/** SDL of the output types and filters of all codecs. */
export function codecSdl(outputs: readonly CodecOutput[]): string {
  return [...outputs.flatMap((output) => [outputSdl(output), filterSdl(output)]), opaqueSdl].join("\n");
}

function outputSdl(output: CodecOutput): string {
  const own = [...output.fields].map(([name, { type, args, description }]) =>
    field(`${name}${args === undefined ? "" : `(${args})`}: ${type}`, description),
  );
  const url = field(
    "url(expiresIn: Int = 3600): String!",
    "The bytes under a signed URL that any HTTP client can read, in ranges too. Valid for expiresIn seconds, 7 days at most.",
  );
  return definition(`type ${output.name}`, [...own, url]);
}

function filterSdl(output: CodecOutput): string {
  const filters = [...output.fields].flatMap(([name, own]) =>
    own.filter === undefined ? [] : [`${name}: ${own.filter}Filter`],
  );
  return definition(`input ${output.name}Filter`, [...filters, "isNull: Boolean"]);
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
