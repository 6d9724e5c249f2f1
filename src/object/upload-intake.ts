/** The bytes of an upload on their way to the store: counted, hashed, compared with what was declared. */

import { createHash, type Hash } from "node:crypto";
import { ServiceError } from "../errors.ts";
import { type ContentDigest, ContentDigestStream, DigestStream } from "./digest.ts";

/** Digest of what an upload has brought; `hash` where it names the object. */
export type UploadDigest = ContentDigest & { readonly hash?: string };

export interface IntakeOptions {
  /** Put before the content. */
  readonly prefix: Uint8Array;
  readonly field: string;
  /** Of the content. */
  readonly sizeBytes: number | undefined;
  readonly sha256: string | undefined;
  /** Whether the digest names the object. */
  readonly isNamed: boolean;
  /** Called before each piece, with its number. */
  readonly onPart: (part: number) => void | Promise<void>;
}

/** One body that can be read to its end even after the store has stopped taking it. */
export class Intake {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #options: IntakeOptions;
  readonly #whole: ContentDigestStream;
  #digest: UploadDigest | undefined;
  readonly #content: Hash | undefined;
  #contentBytes = 0;
  #finished = false;

  constructor(body: AsyncIterable<Uint8Array>, options: IntakeOptions) {
    this.#source = body[Symbol.asyncIterator]();
    this.#options = options;
    this.#whole = options.isNamed ? new DigestStream() : new ContentDigestStream();
    // Without a prefix the content is the whole.
    const isApart = options.sha256 !== undefined && options.prefix.length > 0;
    this.#content = isApart ? createHash("sha256") : undefined;
  }

  /** The bytes to store. Stopping early does not close the source. @throws {UPLOAD_MISMATCH} at the first byte too many, or at the end. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    if (this.#options.prefix.length > 0) {
      this.#whole.update(this.#options.prefix);
      yield this.#options.prefix;
    }
    for (let part = 0; ; part++) {
      const { done, value } = await this.#source.next();
      if (done === true) break;
      await this.#options.onPart(part);
      this.#take(value);
      yield value;
    }
    this.#check();
  }

  #take(chunk: Uint8Array): void {
    this.#whole.update(chunk);
    this.#content?.update(chunk);
    this.#contentBytes += chunk.length;
    const limit = this.#options.sizeBytes;
    if (limit !== undefined && this.#contentBytes > limit)
      throw this.#mismatch(`more than the declared ${limit} bytes`);
  }

  #check(): void {
    const { sizeBytes, sha256 } = this.#options;
    if (sizeBytes !== undefined && this.#contentBytes !== sizeBytes) {
      throw this.#mismatch(`${this.#contentBytes} bytes, but ${sizeBytes} were declared`);
    }
    this.#digest = this.#whole.finish();
    const found = this.#content?.digest("hex") ?? this.#digest.sha256;
    if (sha256 !== undefined && found !== sha256)
      throw this.#mismatch(`bytes with SHA-256 ${found}, but ${sha256} was declared`);
    this.#finished = true;
  }

  #mismatch(what: string): ServiceError {
    return new ServiceError("UPLOAD_MISMATCH", `The upload for ${this.#options.field} brought ${what}.`, {
      details: { field: this.#options.field, remedy: "Send the declared bytes, or create another upload." },
    });
  }

  /** Digest of the stored form; reads on to the end where the store has stopped before. */
  async digest(): Promise<UploadDigest> {
    while (!this.#finished || this.#digest === undefined) {
      const { done, value } = await this.#source.next();
      if (done === true) this.#check();
      else this.#take(value);
    }
    return this.#digest;
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}
