/** Walks through bytes that must not be trusted: every read is checked against the end before anything is made of it. */

import {
  beyondDecodeLimit,
  checkDecodeLimit,
  type DecodeLimits,
  defaultDecodeLimits,
} from "./decode-limits.ts";
import { corrupt } from "./fault.ts";

/** What decoding may take, and how many items of it are left; shared by all cursors over one value. */
class Allowance {
  readonly limits: DecodeLimits;
  #items = 0;

  constructor(limits: DecodeLimits) {
    this.limits = limits;
  }

  /** @throws {LIMIT_EXCEEDED} */
  take(items: number | bigint): void {
    checkDecodeLimit("elements", this.limits, { count: items, what: "elements" });
    this.#items += Number(items);
    checkDecodeLimit("elements", this.limits, { count: this.#items, what: "elements" });
  }

  /** @throws {LIMIT_EXCEEDED} */
  level(depth: number): void {
    if (depth > this.limits.nesting)
      throw beyondDecodeLimit("nesting", this.limits, `The value is nested ${depth} levels deep or more`);
  }
}

/** A position in bytes, little-endian. */
export class ByteCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  readonly allowance: Allowance;
  #at: number;

  constructor(
    bytes: Uint8Array,
    start = 0,
    end = bytes.length,
    allowance: Allowance = new Allowance(defaultDecodeLimits),
  ) {
    this.allowance = allowance;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
  }

  /** Over the whole of the bytes from `start` on. */
  static within(bytes: Uint8Array, start: number, limits: DecodeLimits): ByteCursor {
    return new ByteCursor(bytes, start, bytes.length, new Allowance(limits));
  }

  get left(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#advance(8), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  /** A number of things of at least `eachBytes`, so that no more are announced than can follow. */
  count(eachBytes: number): number {
    const n = this.u64();
    this.expect(n * BigInt(eachBytes));
    return Number(n);
  }

  /** The next `size` bytes, not copied. */
  take(size: number): Uint8Array {
    const at = this.#advance(size);
    return this.#bytes.subarray(at, at + size);
  }

  /** A cursor over the next `size` bytes, which this one skips. */
  part(size: number): ByteCursor {
    const at = this.#advance(size);
    return new ByteCursor(this.#bytes, at, at + size, this.allowance);
  }

  /** Text that ends with a zero byte. */
  zeroEnded(): Uint8Array {
    const zero = this.#bytes.indexOf(0, this.#at);
    if (zero < 0 || zero >= this.#end) throw corrupt("A name does not end.");
    const bytes = this.#bytes.subarray(this.#at, zero);
    this.#at = zero + 1;
    return bytes;
  }

  /** @throws {CODEC_CORRUPT} when fewer than `size` bytes are left. */
  expect(size: bigint | number): void {
    if (BigInt(size) > BigInt(this.left)) {
      throw corrupt(`${size} bytes are announced, but ${this.left} are left.`);
    }
  }

  /** @throws {CODEC_CORRUPT} when bytes are left over. */
  done(): void {
    if (this.left !== 0) throw corrupt(`${this.left} bytes are left over.`);
  }

  #advance(size: number): number {
    this.expect(size);
    const at = this.#at;
    this.#at += size;
    return at;
  }
}

/** UTF-8 text. @throws {CODEC_CORRUPT} when it is none. */
export function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw corrupt("Text is not UTF-8.", cause);
  }
}
