/** The subject of a capability whose file is made when it is read; and its short form. */

import type { JsonObject } from "../codec/contract.ts";

/** What a codec makes of an object: nothing is stored. */
export interface DerivedSubject {
  readonly kind: "derived";
  /** Of what, with its generation. */
  readonly locator: string;
  readonly gen: string;
  readonly sizeBytes?: number;
  readonly sha256?: string;
  readonly isTree: boolean;
  readonly codec: string;
  /** `args` of `@codec`. */
  readonly codecArgs: JsonObject;
  /** As the codec calls it, and the wish as it has settled it. */
  readonly name: string;
  readonly args: JsonObject;
  /** Name that a download gets. */
  readonly filename: string;
}

/** `["d", locator, gen, tree, sha256, size, codec, codecArgs, name, args, filename]`. */
export function encodeDerived(subject: DerivedSubject): unknown[] {
  const { locator, gen, isTree, sha256, sizeBytes, codec, codecArgs, name, args, filename } = subject;
  const digest = sha256 === undefined ? null : Buffer.from(sha256, "hex").toString("base64url");
  const source = [locator, gen, isTree ? 1 : 0, digest, sizeBytes ?? null];
  return ["d", ...source, codec, codecArgs, name, args, filename];
}

/** What follows the `"d"`; `undefined` when it is of another version. */
export function decodeDerived(parts: readonly unknown[]): DerivedSubject | undefined {
  const [locator, gen, tree, digest, size, codec, codecArgs, name, args, filename] = parts;
  if (typeof locator !== "string" || typeof gen !== "string" || typeof codec !== "string") return undefined;
  if (typeof name !== "string" || typeof filename !== "string") return undefined;
  if (!isObject(codecArgs) || !isObject(args)) return undefined;
  return {
    kind: "derived",
    ...{ locator, gen, isTree: tree === 1, codec, codecArgs, name, args, filename },
    ...(typeof digest === "string" ? { sha256: Buffer.from(digest, "base64url").toString("hex") } : {}),
    ...(typeof size === "number" ? { sizeBytes: size } : {}),
  };
}

/** What was signed was JSON. */
function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
