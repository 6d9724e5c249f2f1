/** Which file a codec was loaded from, so that a worker thread can load it too. */

import type { Codec } from "./contract.ts";

const files = new WeakMap<Codec, string>();

/** Remembers the file; gives the codec back. */
export function fromFile(codec: Codec, file: string): Codec {
  files.set(codec, file);
  return codec;
}

/** The absolute path of the file; `undefined` for a codec that a program made itself. */
export function fileOf(codec: Codec): string | undefined {
  return files.get(codec);
}
