/** Our side of the codecs: the functions that the service calls, on the same numbers as `peer.py`. */

import blob from "../../codecs/blob.ts";
import npy from "../../codecs/npy.ts";
import type { DecodeContext } from "../../src/codec/contract.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import type { NdArray } from "../../src/format/array.ts";
import { closeEnvelope } from "../../src/format/blob-envelope.ts";
import { packBlob } from "../../src/format/blob-write.ts";
import { parseDtype } from "../../src/format/dtype.ts";
import { writeNpy } from "../../src/format/npy.ts";

export const works = ["memcpy", "npy encode", "npy decode", "blob encode", "blob decode"] as const;
export type Work = (typeof works)[number];

const context: DecodeContext = { field: "value", args: {}, inlineLimitBytes: 2 ** 30 };
const arrays = new Map<number, NdArray>();

/** A walk in steps of a thousandth. */
function wave(sizeBytes: number): NdArray {
  const known = arrays.get(sizeBytes);
  if (known !== undefined) return known;
  const numbers = new Float64Array(sizeBytes / 8);
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) {
    sum += Math.sin(i * 12.9898) * 0.5;
    numbers[i] = Math.round(sum * 1000) / 1000;
  }
  const shape = [numbers.length / 16, 16];
  const made = {
    dtype: parseDtype("<f8"),
    shape,
    fortranOrder: false,
    bytes: new Uint8Array(numbers.buffer),
  };
  arrays.set(sizeBytes, made);
  return made;
}

/** Every piece of the file, as a store takes them; the bytes of a large array are handed on without a copy. */
async function npyFile(array: NdArray): Promise<Uint8Array[]> {
  const body = writeNpy(array);
  if (body instanceof Uint8Array) return [body];
  const pieces: Uint8Array[] = [];
  for await (const piece of body()) pieces.push(piece);
  return pieces;
}

const packed = (array: NdArray): Promise<Uint8Array> => closeEnvelope(packBlob({ t: "ndarray", array }));

async function workOf(work: Work, sizeBytes: number): Promise<() => unknown> {
  const array = wave(sizeBytes);
  if (work === "memcpy") return () => new Uint8Array(array.bytes);
  if (work === "npy encode") return () => npyFile(array);
  if (work === "blob encode") return () => packed(array);
  const [codec, bytes] =
    work === "npy decode" ? [npy, Buffer.concat(await npyFile(array))] : [blob, await packed(array)];
  return () => codec.decode(storedValueOf(bytes, {}), context);
}

/** Seconds for one. */
export async function timed(work: Work, sizeBytes: number, repeat: number): Promise<number> {
  const once = await workOf(work, sizeBytes);
  await once();
  const begin = performance.now();
  for (let i = 0; i < repeat; i++) await once();
  return (performance.now() - begin) / repeat / 1000;
}
