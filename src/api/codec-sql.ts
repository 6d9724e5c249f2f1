/** What SQL can tell of codec fields, asked of the registry. */

import { fieldOf } from "../codec/chain.ts";
import type { CodecRegistry } from "../codec/registry.ts";
import type { CodecSql } from "../sql/select-builder.ts";

/** The codecs' SQL side, as the statement's compiler asks for it. */
export function codecSql(registry: CodecRegistry): CodecSql {
  return (use, name) => {
    if (registry.find(use.name) === undefined) return undefined;
    const found = fieldOf(registry, use, name);
    if (found === undefined) return undefined;
    return { sql: found.sql, readable: found.field.read !== undefined, filter: found.field.filter };
  };
}
