/** Digests of bytes on their way, and the peer's textual form of MD5. */

import { createHash, hash } from "node:crypto";

/** What is known of bytes once they have all passed. */
export interface ContentDigest {
  readonly sizeBytes: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

/** The same with the name that hash-addressed objects have. */
export interface Digest extends ContentDigest {
  /** MD5 in lower-case base32 without padding, 26 characters. */
  readonly hash: string;
}

/** Counts and hashes bytes as they pass. */
export class ContentDigestStream {
  readonly #sha256 = createHash("sha256");
  #sizeBytes = 0;

  update(chunk: Uint8Array): void {
    this.#sha256.update(chunk);
    this.#sizeBytes += chunk.length;
  }

  /** Closes the digest; more bytes cannot follow. */
  finish(): ContentDigest {
    return { sizeBytes: this.#sizeBytes, sha256: this.#sha256.digest("hex") };
  }
}

/** The same with MD5, which takes twice as long as all else: only where it names. */
export class DigestStream extends ContentDigestStream {
  readonly #md5 = createHash("md5");

  override update(chunk: Uint8Array): void {
    this.#md5.update(chunk);
    super.update(chunk);
  }

  override finish(): Digest {
    return { ...super.finish(), hash: base32(this.#md5.digest()) };
  }
}

/** Digest of a whole body. */
export async function digestOf(body: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<Digest> {
  const digest = new DigestStream();
  for await (const chunk of body) {
    signal?.throwIfAborted();
    digest.update(chunk);
  }
  return digest.finish();
}

/** The same of bytes that are at hand, without the name. */
export function contentDigestOf(bytes: Uint8Array): ContentDigest {
  return { sizeBytes: bytes.length, sha256: hash("sha256", bytes, "hex") };
}

const taken = new WeakMap<Uint8Array, Digest>();

/** Digest of bytes that change no more: taken once, whoever asks. */
export function digestOfBytes(bytes: Uint8Array): Digest {
  const known = taken.get(bytes);
  if (known !== undefined) return known;
  const digest = { ...contentDigestOf(bytes), hash: base32(hash("md5", bytes, "buffer")) };
  taken.set(bytes, digest);
  return digest;
}

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** RFC 4648 base32, lower case, without padding. @source https://www.rfc-editor.org/rfc/rfc4648#section-6 */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(buffer >>> bits) & 31];
    }
    buffer &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + alphabet[(buffer << (5 - bits)) & 31];
}
