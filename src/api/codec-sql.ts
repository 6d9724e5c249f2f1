/** What SQL can tell of codec fields, asked of the registry. */

import { fieldOf } from "../codec/chain.ts";
import type { CodecRegistry } from "../codec/registry.ts";
import type { CodecSql } from "../sql/select-builder.ts";

/** The codecs' SQL side, as the statement's compiler asks for it. */
export function codecSql(registry: CodecRegistry): CodecSql {
  return (use, name) => {
    const codec = registry.find(use.name);
    if (codec === undefined)
      return { sql: undefined, readable: false, filter: undefined, ...refusal(registry, use.name) };
    // The name of the download stands in the bytes, where the codec looks for content in them.
    if (name === "url")
      return { sql: undefined, readable: codec.content !== undefined, filter: undefined, isUrl: true };
    const found = fieldOf(registry, use, name);
    if (found === undefined) return undefined;
    if (found.field.derived !== undefined)
      return { sql: undefined, readable: false, filter: undefined, isUrl: true };
    return { sql: found.sql, readable: found.field.read !== undefined, filter: found.field.filter };
  };
}

function refusal(registry: CodecRegistry, name: string) {
  const unavailable = registry.unavailable(name);
  return unavailable === undefined ? {} : { unavailable };
}
