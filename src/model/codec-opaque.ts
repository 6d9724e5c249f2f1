/** Fields of a codec that is not loaded, declared as what can be told of them: `Opaque`. */

import type { CodecFacts, ModelContext } from "./model.ts";

/** GraphQL type of a value that lies there and cannot be read. */
export const opaque = "Opaque";

/** Whether a codec of this name is not in service. */
export function isUnloaded(name: string, { codecs, missingCodecs }: ModelContext): boolean {
  return !codecs.has(name) || missingCodecs?.has(name) === true;
}

/** A codec of which only the name is known. In a store its column is the one of all codecs; in the row it is the one that is told. */
export function opaqueFacts(name: string, row?: string): CodecFacts {
  return { name, output: opaque, store: "jsonb", external: false, ...(row === undefined ? {} : { row }) };
}
