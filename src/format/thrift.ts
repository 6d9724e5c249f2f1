/**
 * Thrift's compact protocol, walked before anybody parses it: numbers of endless digits, nesting without end and counts beyond the bytes
 * are found here.
 *
 * @source https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

import { ServiceError } from "../errors.ts";
import { ByteCursor } from "./byte-cursor.ts";
import { corrupt } from "./fault.ts";

const maxDepth = 16;
/** Digits of a 64-bit number, seven bits each. */
const maxDigits = 10;

/** Whole numbers and flags of a struct and of the structs in it, by field number: `8`, `8.1`. */
export type ThriftNumbers = ReadonlyMap<string, number>;

/**
 * Walks one struct that begins at `start`; gives where it ends and its numbers, of at most two levels.
 * @throws {CODEC_CORRUPT} when it is no struct; {LIMIT_EXCEEDED} when it has more than `maxValues` values.
 */
export function walkThrift(
  bytes: Uint8Array,
  start: number,
  maxValues: number,
): { readonly end: number; readonly numbers: ThriftNumbers } {
  const walk = new Walk(new ByteCursor(bytes, start), maxValues);
  walk.struct(0, "");
  return { end: bytes.length - walk.left, numbers: walk.numbers };
}

class Walk {
  readonly numbers = new Map<string, number>();
  readonly #cursor: ByteCursor;
  readonly #maxValues: number;
  #values = 0;

  constructor(cursor: ByteCursor, maxValues: number) {
    this.#cursor = cursor;
    this.#maxValues = maxValues;
  }

  get left(): number {
    return this.#cursor.left;
  }

  struct(depth: number, path: string): void {
    if (depth > maxDepth) throw corrupt(`The metadata is nested more than ${maxDepth} levels deep.`);
    this.#count();
    let field = 0;
    for (let head = this.#cursor.u8(); (head & 15) !== 0; head = this.#cursor.u8()) {
      const step = head >> 4;
      field = step === 0 ? Number(zigzag(this.#varint())) : field + step;
      this.#value(head & 15, { depth, path: depth < 2 ? `${path}${field}` : "" });
    }
  }

  #value(type: number, at: { depth: number; path: string }): void {
    this.#count();
    if (type === 1 || type === 2) this.#tell(at.path, type === 1 ? 1 : 0);
    else if (type === 3) this.#tell(at.path, this.#cursor.u8());
    else if (type === 4 || type === 5 || type === 6) this.#tell(at.path, Number(zigzag(this.#varint())));
    else if (type === 7) this.#cursor.take(8);
    else if (type === 8) this.#cursor.take(Number(this.#varint()));
    else if (type === 9) this.#list(at.depth);
    else if (type === 12) this.struct(at.depth + 1, at.path === "" ? "" : `${at.path}.`);
    else throw corrupt(`The metadata holds a value of the unknown type ${type}.`);
  }

  #list(depth: number): void {
    const head = this.#cursor.u8();
    const type = head & 15;
    const count = head >> 4 === 15 ? Number(this.#varint()) : head >> 4;
    // Every element has a byte at least.
    this.#cursor.expect(count);
    for (let i = 0; i < count; i++) {
      if (type === 1 || type === 2) {
        this.#count();
        this.#cursor.take(1);
      } else this.#value(type, { depth: depth + 1, path: "" });
    }
  }

  #varint(): bigint {
    let value = 0n;
    for (let digit = 0; digit < maxDigits; digit++) {
      const byte = this.#cursor.u8();
      value |= BigInt(byte & 127) << BigInt(7 * digit);
      if (byte < 128) return value;
    }
    throw corrupt("The metadata holds a number of too many digits.");
  }

  #tell(path: string, value: number): void {
    if (path !== "") this.numbers.set(path, value);
  }

  #count(): void {
    this.#values += 1;
    if (this.#values <= this.#maxValues) return;
    throw new ServiceError("LIMIT_EXCEEDED", `The metadata has more than ${this.#maxValues} values.`, {
      details: { limit: this.#maxValues },
    });
  }
}

function zigzag(value: bigint): bigint {
  return (value >> 1n) ^ -(value & 1n);
}
