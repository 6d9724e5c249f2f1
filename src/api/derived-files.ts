/** Makes what a capability of kind `derived` stands for, once for all who ask at the same time, and keeps it for a while. */

import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { limitsOf } from "../codec/decode-place.ts";
import { derivedOf, makeDerived } from "../codec/derived.ts";
import type { CodecRegistry } from "../codec/registry.ts";
import { createTurns } from "../codec/turns.ts";
import type { ObjectReaderFactory } from "../object/contract.ts";
import type { DerivedSubject } from "../object/derived-subject.ts";
import { parseLocator } from "../object/locator.ts";
import { createFlights } from "./flights.ts";

/** Bytes of one file. */
const mostBytes = 16 * 2 ** 20;
/** Bytes of all that a process keeps. */
const keptBytes = 64 * 2 ** 20;

/** The files that codecs make. */
export interface DerivedFiles {
  /**
   * Names the object, its generation and digest, the codec with its version, and the wish. What is made by another release of a library may
   * differ in its bytes, so it is a weak validator.
   */
  tagOf(subject: DerivedSubject): string;
  /** @throws {OBJECT_MISSING}, {CODEC_CORRUPT}, {CODEC_UNAVAILABLE}, {LIMIT_EXCEEDED} */
  read(subject: DerivedSubject, signal: AbortSignal): Promise<Uint8Array>;
}

/** Of the codecs in `registry`, from objects that `reader` reads. */
export function createDerivedFiles(registry: CodecRegistry, reader: ObjectReaderFactory): DerivedFiles {
  const kept = new LRUCache<string, Uint8Array>({
    maxSize: keptBytes,
    sizeCalculation: ({ length }) => length + 200,
  });
  const flights = createFlights<Uint8Array>();
  // An image is unfolded whole: that many at a time.
  const takeTurn = createTurns(limitsOf(registry).threads);
  const make = async (subject: DerivedSubject, signal: AbortSignal): Promise<Uint8Array> => {
    const endTurn = await takeTurn(signal);
    try {
      const { store, path } = parseLocator(subject.locator) ?? { store: "", path: "" };
      const { isTree, sizeBytes, name, args, codec, codecArgs } = subject;
      const value = reader.open({ store, path, isTree, ...(sizeBytes === undefined ? {} : { sizeBytes }) });
      const use = { name: codec, store, args: codecArgs };
      return await makeDerived(registry, use, { name, args, value, mostBytes, signal });
    } finally {
      endTurn();
    }
  };
  const tagOf = (subject: DerivedSubject): string => {
    const codec = registry.get(subject.codec);
    derivedOf(codec, subject.name);
    const { locator, gen, sha256 = null, codecArgs, name, args } = subject;
    const wish = JSON.stringify([locator, gen, sha256, codec.name, codec.version, codecArgs, name, args]);
    return createHash("sha256").update(wish).digest("hex").slice(0, 32);
  };
  return {
    tagOf,
    async read(subject, signal) {
      const tag = tagOf(subject);
      const known = kept.get(tag);
      if (known !== undefined) return known;
      return flights(tag, signal, async (stop) => {
        const made = await make(subject, stop);
        kept.set(tag, made);
        return made;
      });
    },
  };
}
