/** Digests that a client declares with the bytes it sends: `Content-Digest`, `Repr-Digest` (RFC 9530), `Digest` (RFC 3230), `Content-MD5` (RFC 1864). */

import { createHash, type Hash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { ServiceError } from "../errors.ts";
import { badRequest } from "./error-reply.ts";

/** One digest to be checked. */
export interface DeclaredDigest {
  /** The header that declared it. */
  readonly header: string;
  /** Name for Node's crypto. */
  readonly algorithm: "md5" | "sha256" | "sha512";
  readonly digest: Uint8Array;
}

const algorithms: ReadonlyMap<
  string,
  { readonly name: DeclaredDigest["algorithm"]; readonly sizeBytes: number }
> = new Map([
  ["md5", { name: "md5", sizeBytes: 16 }],
  ["sha-256", { name: "sha256", sizeBytes: 32 }],
  ["sha-512", { name: "sha512", sizeBytes: 64 }],
]);

/** Reads the digests of a request; algorithms that we do not know are left out. @throws {BAD_REQUEST} for one that is no digest. */
export function declaredDigests(headers: IncomingHttpHeaders): readonly DeclaredDigest[] {
  const found: DeclaredDigest[] = [];
  const md5 = headers["content-md5"];
  if (typeof md5 === "string") found.push(...digestOf("Content-MD5", "md5", md5));
  for (const header of ["Digest", "Content-Digest", "Repr-Digest"]) {
    const value = headers[header.toLowerCase()];
    for (const part of typeof value === "string" ? value.split(",") : []) {
      const [, name = "", text = ""] = /^\s*([A-Za-z0-9-]+)=(.*?)\s*$/.exec(part) ?? [];
      found.push(...digestOf(header, name, text.replace(/^:(.*):$/, "$1")));
    }
  }
  return found;
}

function digestOf(header: string, name: string, text: string): DeclaredDigest[] {
  const algorithm = algorithms.get(name.toLowerCase());
  if (algorithm === undefined) return [];
  const digest = Buffer.from(text, "base64");
  if (digest.length !== algorithm.sizeBytes || !/^[A-Za-z0-9+/]+={0,2}$/.test(text.trim())) {
    throw badRequest(`${header} is no ${name} digest in base64.`);
  }
  return [{ header, algorithm: algorithm.name, digest }];
}

/** Passes bytes on; after the last one they must have the declared digests. @throws {UPLOAD_MISMATCH} instead of ending. */
export async function* checkDigests(
  body: AsyncIterable<Uint8Array>,
  declared: readonly DeclaredDigest[],
): AsyncGenerator<Uint8Array> {
  const running = declared.map((each) => ({ ...each, hash: createHash(each.algorithm) }));
  for await (const piece of body) {
    for (const { hash } of running) hash.update(piece);
    yield piece;
  }
  for (const each of running) compare(each);
}

function compare({ hash, digest, header }: DeclaredDigest & { readonly hash: Hash }): void {
  const received = hash.digest();
  if (received.equals(digest)) return;
  throw new ServiceError("UPLOAD_MISMATCH", `The bytes received are not those that ${header} declares.`, {
    details: { field: header, value: received.toString("base64"), remedy: "Send the bytes again." },
  });
}
