/** Digests whose state can be kept and taken up again, by another process too. Slower than those of Node, which cannot. */

import { createMD5, createSHA256, type IHasher } from "hash-wasm";
import { base32 } from "./digest.ts";

/** States after the bytes so far. */
export interface DigestStates {
  readonly sha256: Uint8Array;
  /** Where the peer's name of the bytes is needed. */
  readonly md5: Uint8Array | undefined;
  /** Of the content without the codec's prefix, where it is compared and not the same. */
  readonly content: Uint8Array | undefined;
}

interface Wanted {
  readonly md5: boolean;
  readonly content: boolean;
}

/** What is known of bytes that came in several requests. */
export interface ResumedDigest {
  readonly sha256: string;
  readonly hash?: string;
  /** Of the content, where it has a digest of its own. */
  readonly contentSha256: string;
}

/** Hashes the stored bytes of one upload, over requests and restarts. */
export class ResumableDigest {
  readonly #sha256: IHasher;
  readonly #md5: IHasher | undefined;
  readonly #content: IHasher | undefined;

  private constructor(sha256: IHasher, md5: IHasher | undefined, content: IHasher | undefined) {
    this.#sha256 = sha256;
    this.#md5 = md5;
    this.#content = content;
  }

  /** @throws what hash-wasm throws for a state that another version of it has made. */
  static async open(wanted: Wanted, states: DigestStates | undefined): Promise<ResumableDigest> {
    const take = (hasher: IHasher, state: Uint8Array | undefined): IHasher =>
      state === undefined ? hasher.init() : hasher.load(state);
    return new ResumableDigest(
      take(await createSHA256(), states?.sha256),
      wanted.md5 ? take(await createMD5(), states?.md5) : undefined,
      wanted.content ? take(await createSHA256(), states?.content) : undefined,
    );
  }

  /** Takes bytes that only the stored form has. */
  prefix(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#md5?.update(bytes);
  }

  update(bytes: Uint8Array): void {
    this.prefix(bytes);
    this.#content?.update(bytes);
  }

  save(): DigestStates {
    return { sha256: this.#sha256.save(), md5: this.#md5?.save(), content: this.#content?.save() };
  }

  /** Closes the digest; more bytes cannot follow. */
  finish(): ResumedDigest {
    const sha256 = this.#sha256.digest("hex");
    const contentSha256 = this.#content?.digest("hex") ?? sha256;
    const md5 = this.#md5?.digest("binary");
    return { sha256, contentSha256, ...(md5 === undefined ? {} : { hash: base32(md5) }) };
  }
}
