/**
 * Flatbuffers that must not be trusted: every offset is checked, and no more tables and text are given than the bytes can hold unshared,
 * as tables that share their parts again and again unfold without end.
 *
 * @source https://flatbuffers.dev/internals/
 */

import { corrupt } from "./fault.ts";

/** The least bytes of a table: its reference to its own fields. */
const leastTableBytes = 4;
/** Text may be shared between tables, but not without end. */
const textPerByte = 4;

class FlatBytes {
  readonly view: DataView;
  #tables: number;
  #text: number;

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#tables = Math.ceil(bytes.length / leastTableBytes);
    this.#text = bytes.length * textPerByte;
  }

  /** @throws {CODEC_CORRUPT} unless `size` bytes lie at `at`. */
  need(at: number, size: number): number {
    if (at >= 0 && size >= 0 && at + size <= this.view.byteLength) return at;
    throw corrupt(`The metadata refers to ${size} bytes at ${at} of ${this.view.byteLength}.`);
  }

  /** Follows an offset. */
  follow(at: number): number {
    return at + this.view.getUint32(this.need(at, 4), true);
  }

  countTable(): void {
    this.#tables -= 1;
    if (this.#tables < 0) throw corrupt("The metadata's tables share their parts without end.");
  }

  text(at: number): string {
    const size = this.view.getUint32(this.need(at, 4), true);
    this.need(at + 4, size);
    this.#text -= size;
    if (this.#text < 0) throw corrupt("The metadata repeats its text without end.");
    const bytes = new Uint8Array(this.view.buffer, this.view.byteOffset + at + 4, size);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw corrupt("A name in the metadata is not UTF-8.", cause);
    }
  }
}

/** A table; `slot` is the number of a field in its schema. Absent fields give the default of the schema. */
export class FlatTable {
  readonly #bytes: FlatBytes;
  readonly #at: number;
  readonly #fields: number;
  readonly #fieldsSize: number;

  private constructor(bytes: FlatBytes, at: number) {
    bytes.countTable();
    this.#bytes = bytes;
    this.#at = at;
    this.#fields = at - bytes.view.getInt32(bytes.need(at, 4), true);
    this.#fieldsSize = bytes.view.getUint16(bytes.need(this.#fields, 4), true);
    bytes.need(this.#fields, this.#fieldsSize);
  }

  /** The table that the bytes are about. */
  static root(bytes: Uint8Array): FlatTable {
    const flat = new FlatBytes(bytes);
    return new FlatTable(flat, flat.follow(0));
  }

  u8(slot: number, absent = 0): number {
    const at = this.#place(slot, 1);
    return at === undefined ? absent : this.#bytes.view.getUint8(at);
  }

  i16(slot: number, absent = 0): number {
    const at = this.#place(slot, 2);
    return at === undefined ? absent : this.#bytes.view.getInt16(at, true);
  }

  i32(slot: number, absent = 0): number {
    const at = this.#place(slot, 4);
    return at === undefined ? absent : this.#bytes.view.getInt32(at, true);
  }

  i64(slot: number): bigint {
    const at = this.#place(slot, 8);
    return at === undefined ? 0n : this.#bytes.view.getBigInt64(at, true);
  }

  text(slot: number): string | undefined {
    const at = this.#place(slot, 4);
    return at === undefined ? undefined : this.#bytes.text(this.#bytes.follow(at));
  }

  table(slot: number): FlatTable | undefined {
    const at = this.#place(slot, 4);
    return at === undefined ? undefined : new FlatTable(this.#bytes, this.#bytes.follow(at));
  }

  tables(slot: number): FlatTable[] {
    const { at, count } = this.#vector(slot, 4);
    return Array.from(
      { length: count },
      (_, i) => new FlatTable(this.#bytes, this.#bytes.follow(at + i * 4)),
    );
  }

  /** Fixed-size elements, each as a view. */
  structs(slot: number, sizeBytes: number): DataView[] {
    const { at, count } = this.#vector(slot, sizeBytes);
    const { view } = this.#bytes;
    const start = view.byteOffset + at;
    return Array.from(
      { length: count },
      (_, i) => new DataView(view.buffer, start + i * sizeBytes, sizeBytes),
    );
  }

  #vector(slot: number, sizeBytes: number): { at: number; count: number } {
    const place = this.#place(slot, 4);
    if (place === undefined) return { at: 0, count: 0 };
    const at = this.#bytes.follow(place);
    const count = this.#bytes.view.getUint32(this.#bytes.need(at, 4), true);
    return { at: this.#bytes.need(at + 4, count * sizeBytes), count };
  }

  #place(slot: number, sizeBytes: number): number | undefined {
    const entry = 4 + slot * 2;
    if (entry + 2 > this.#fieldsSize) return undefined;
    const offset = this.#bytes.view.getUint16(this.#fields + entry, true);
    return offset === 0 ? undefined : this.#bytes.need(this.#at + offset, sizeBytes);
  }
}
