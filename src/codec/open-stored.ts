/** Values of rows, opened: what the row has, and the way to the bytes. */

import { ServiceError } from "../errors.ts";
import { addressingOf, type ChainUse, type CodecLookup } from "./chain.ts";
import type { JsonObject, StoredValue } from "./contract.ts";
import { readerOf } from "./memory-reader.ts";

/** What a row has of a value: the JSON, or the bytes as base64. */
interface StoredParts {
  readonly meta?: JsonObject | undefined;
  readonly base64?: string | undefined;
}

/** What opening stands on. */
interface OpenContext {
  readonly registry: CodecLookup;
  readonly objects: {
    readonly reader: {
      open(meta: {
        readonly store: string;
        readonly path: string;
        readonly isTree?: boolean | undefined;
        readonly sizeBytes?: number | undefined;
      }): StoredValue;
    };
  };
}

/** Access to a value, in the row or in its store. */
export function openStored(context: OpenContext, use: ChainUse, { meta, base64 }: StoredParts): StoredValue {
  if (use.store === undefined) {
    return {
      meta,
      bytes: async () => readerOf(Buffer.from(base64 ?? "", "base64")),
      tree: async () => {
        throw new ServiceError("CODEC_INVALID_VALUE", "A value in the row is no folder.");
      },
    };
  }
  const path = meta?.["path"];
  const store = meta?.["store"];
  if (typeof path !== "string") {
    throw new ServiceError("CODEC_CORRUPT", "The row's JSON names no path, so the object cannot be found.");
  }
  const name = typeof store === "string" && store !== "" ? store : use.store;
  const isTree = meta?.["is_dir"] === true;
  const opened = context.objects.reader.open({
    store: name,
    path,
    isTree,
    ...(isTree ? {} : recordedSize(context, use, meta)),
  });
  const head = opened.head === undefined ? {} : { head: () => opened.head?.() ?? Promise.resolve(undefined) };
  return { meta, bytes: (first) => opened.bytes(first), tree: () => opened.tree(), ...head };
}

/** What an object must still have; users may change their own files. */
function recordedSize(
  { registry }: OpenContext,
  use: ChainUse,
  meta: JsonObject | undefined,
): { readonly sizeBytes?: number } {
  const size = meta?.["size"];
  return typeof size === "number" && addressingOf(registry, use) !== "external" ? { sizeBytes: size } : {};
}
