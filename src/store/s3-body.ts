/** A body cut into parts for S3, counted and hashed on its way. */

import { createHash } from "node:crypto";
import type { ServiceError } from "../errors.ts";
import type { PutOptions } from "./contract.ts";
import { digestMismatch, sizeMismatch } from "./upload-mismatch.ts";

const firstBytes = 64 * 1024;

/** Reads a body piece by piece; one part is in memory at a time. Close it. */
export class BodyParts {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #path: string;
  readonly #options: PutOptions;
  #hash: ReturnType<typeof createHash> | undefined;
  /** Parts that were sent; filled again, because garbage of this size piles up faster than it is collected. */
  readonly #spare: Buffer<ArrayBuffer>[] = [];
  #rest: Uint8Array = new Uint8Array();
  #received = 0;
  #ended = false;

  constructor(path: string, body: AsyncIterable<Uint8Array>, options: PutOptions) {
    this.#path = path;
    this.#source = body[Symbol.asyncIterator]();
    this.#options = options;
    this.#hash = options.sha256 === undefined ? undefined : createHash("sha256");
  }

  /** Bytes given out so far. */
  get sizeBytes(): number {
    return this.#received - this.#rest.length;
  }

  /** Leaves the declared digest to the store, which compares it; before the first byte. */
  leaveDigest(): void {
    this.#hash = undefined;
  }

  /** The next `bytes` bytes; fewer only at the end. @throws {UPLOAD_MISMATCH} as soon as the body is not what was declared. */
  async next(bytes: number): Promise<Buffer<ArrayBuffer>> {
    const whole = await this.#whole(bytes);
    if (whole !== undefined) return whole;
    const left = (this.#options.sizeBytes ?? Number.POSITIVE_INFINITY) - this.sizeBytes;
    let part = this.#spare.pop() ?? Buffer.allocUnsafeSlow(Math.min(bytes, Math.max(left, 0), firstBytes));
    let filled = 0;
    while (filled < bytes) {
      if (this.#rest.length === 0) this.#rest = (await this.#pull()) ?? this.#rest;
      if (this.#rest.length === 0) break;
      const taken = this.#rest.subarray(0, bytes - filled);
      part = grown(part, filled, { needed: filled + taken.length, most: bytes });
      part.set(taken, filled);
      filled += taken.length;
      this.#rest = this.#rest.subarray(taken.length);
    }
    return part.subarray(0, filled);
  }

  /** A body that is one chunk, as the declared size tells, and shorter than asked for: the chunk itself, which is not to be reused. */
  async #whole(bytes: number): Promise<Buffer<ArrayBuffer> | undefined> {
    const { sizeBytes = 0 } = this.#options;
    if (this.#received > 0 || this.#ended || sizeBytes === 0 || sizeBytes >= bytes) return undefined;
    this.#rest = (await this.#pull()) ?? this.#rest;
    const { buffer, byteOffset, length } = this.#rest;
    if (length !== sizeBytes || !(buffer instanceof ArrayBuffer)) return undefined;
    this.#rest = (await this.#pull()) ?? new Uint8Array();
    return Buffer.from(buffer, byteOffset, length);
  }

  /** Takes back a part that nobody reads any more. */
  reuse(part: Buffer<ArrayBuffer>): void {
    this.#spare.push(Buffer.from(part.buffer));
  }

  /** The next chunk that has bytes; `undefined` at the end. */
  async #pull(): Promise<Uint8Array | undefined> {
    while (!this.#ended) {
      this.#options.signal?.throwIfAborted();
      const { value, done } = await this.#source.next();
      this.#options.signal?.throwIfAborted();
      if (done === true) this.#finish();
      else if (value.length > 0) {
        this.#received += value.length;
        this.#hash?.update(value);
        const { sizeBytes } = this.#options;
        if (sizeBytes !== undefined && this.#received > sizeBytes) throw this.#mismatch(false);
        return value;
      }
    }
    return undefined;
  }

  #finish(): void {
    this.#ended = true;
    const { sizeBytes, sha256 } = this.#options;
    if (sizeBytes !== undefined && this.#received !== sizeBytes) throw this.#mismatch(true);
    const found = this.#hash?.digest("hex");
    if (this.#hash === undefined || found === sha256) return;
    throw digestMismatch({ path: this.#path, ...this.#options }, found);
  }

  #mismatch(isAll: boolean): ServiceError {
    return sizeMismatch({ path: this.#path, ...this.#options }, this.#received, isAll);
  }

  /** Lets go of the source, whether it has ended or not. */
  async close(): Promise<void> {
    if (!this.#ended) await this.#source.return?.().catch(() => undefined);
  }
}

/** `part`, or a copy at least twice as large, so that short bodies take little memory. */
function grown(part: Buffer<ArrayBuffer>, filled: number, size: { needed: number; most: number }) {
  if (size.needed <= part.length) return part;
  const larger = Buffer.allocUnsafeSlow(Math.min(size.most, Math.max(size.needed, part.length * 2)));
  part.copy(larger, 0, 0, filled);
  return larger;
}
