/** What the laws of drivers are made of. */

import { isServiceError } from "../../errors.ts";
import type { StoreDriver } from "../contract.ts";

/**
 * Makes a new, empty place for objects, and answers how to open drivers on it, as often as wanted: each is another process to the store.
 */
export type MakePlace = () => Promise<() => StoreDriver | Promise<StoreDriver>>;

/** One law; `check` throws where it is broken. Each takes a place of its own. */
export interface StoreLaw {
  readonly name: string;
  readonly check: (place: MakePlace) => Promise<void>;
}

/** A law that needs one driver. */
export function law(name: string, check: (make: () => Promise<StoreDriver>) => Promise<void>): StoreLaw {
  return { name, check: (place) => check(async () => (await place())()) };
}

/** Bytes as a body, in pieces of `pieceBytes`. */
export async function* bodyOf(bytes: Uint8Array, pieceBytes = 1 << 16): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** A text as a body. */
export function text(content: string): AsyncGenerator<Uint8Array> {
  return bodyOf(Buffer.from(content));
}

/** All bytes of a body. */
export async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The bytes of an object; `undefined` when it is absent. */
export async function bytesOf(driver: StoreDriver, path: string): Promise<Buffer | undefined> {
  const got = await driver.get(path);
  return got === undefined ? undefined : collect(got.body);
}

/** The code of the ServiceError that `work` rejects with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await thrownBy(work);
  if (!isServiceError(error)) throw error ?? new Error("nothing was thrown");
  return error.code;
}

/** What `work` rejects with; `undefined` where it does not. */
export function thrownBy(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
}

/** Paths of all objects but the driver's own. */
export async function pathsIn(driver: StoreDriver, prefix = "", after?: string): Promise<string[]> {
  const found: string[] = [];
  for await (const head of driver.list(prefix, after === undefined ? {} : { after })) {
    if (!head.path.startsWith("_obj/")) found.push(head.path);
  }
  return found;
}
