/** What the system API tells of a codec. */

import type { Codec } from "../codec/contract.ts";
import type { LoadedCodec } from "./types.ts";

export function describeCodec(codec: Codec, source: string): LoadedCodec {
  const fields = Object.entries(codec.fields).map(([name, field]) => ({
    name,
    type: field.type,
    args: field.args ?? null,
    description: field.description,
    filter: field.filter ?? null,
  }));
  return {
    name: codec.name,
    version: codec.version,
    summary: codec.summary,
    inRow: codec.chain.row !== undefined,
    inStore: codec.chain.store !== undefined,
    output: codec.output,
    input: codec.input,
    acceptsTree: codec.acceptsTree === true,
    acceptsUpload: codec.upload !== undefined,
    fields,
    typeDefs: codec.typeDefs,
    args: codec.args ?? null,
    source,
  };
}
