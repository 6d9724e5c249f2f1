/** Runs the laws of `holdfast/store/testing` under vitest. Call inside a `describe`. */

import { test } from "vitest";
import { isServiceError } from "../../src/errors.ts";
import type { StoreDriver } from "../../src/store/contract.ts";
import { endLaws } from "../../src/store/law/end.ts";
import type { MakePlace, StoreLaw } from "../../src/store/law/law.ts";
import { objectLaws } from "../../src/store/law/object.ts";
import { pathLaws } from "../../src/store/law/path.ts";

/** Bytes as a body, in pieces of `pieceBytes`. */
export async function* bodyOf(bytes: Uint8Array, pieceBytes = 1 << 16): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** All bytes of a body. */
export async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The code of the ServiceError that `work` rejects with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isServiceError(error)) throw error ?? new Error("nothing was thrown");
  return error.code;
}

/** One test for each law. */
export function runStoreLaws(laws: readonly StoreLaw[], place: MakePlace): void {
  for (const { name, check } of laws) test(name, () => check(place));
}

/** A place on which one driver is opened. */
export function placeOf(make: () => Promise<StoreDriver>): MakePlace {
  return async () => {
    const driver = await make();
    return () => driver;
  };
}

export function testStore(make: () => Promise<StoreDriver>): void {
  runStoreLaws([...objectLaws, ...endLaws, ...pathLaws], placeOf(make));
}
