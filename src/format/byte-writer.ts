/** Collects little-endian numbers and bytes; never writes into what it is given. */
export class ByteWriter {
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  get sizeBytes(): number {
    return this.#size;
  }

  bytes(part: Uint8Array): this {
    this.#parts.push(part);
    this.#size += part.length;
    return this;
  }

  u8(n: number): this {
    return this.bytes(Uint8Array.of(n));
  }

  u16(n: number): this {
    return this.#number(2, (view) => view.setUint16(0, n, true));
  }

  u32(n: number): this {
    return this.#number(4, (view) => view.setUint32(0, n, true));
  }

  i32(n: number): this {
    return this.#number(4, (view) => view.setInt32(0, n, true));
  }

  u64(n: number | bigint): this {
    return this.#number(8, (view) => view.setBigUint64(0, BigInt(n), true));
  }

  i64(n: bigint): this {
    return this.#number(8, (view) => view.setBigInt64(0, n, true));
  }

  /** What another writer has collected, after its length. */
  item(part: ByteWriter): this {
    return this.u64(part.#size).all(part);
  }

  /** What another writer has collected. */
  all(part: ByteWriter): this {
    for (const piece of part.#parts) this.#parts.push(piece);
    this.#size += part.#size;
    return this;
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#parts, this.#size);
  }

  #number(size: number, write: (view: DataView) => void): this {
    const part = new Uint8Array(size);
    write(new DataView(part.buffer));
    return this.bytes(part);
  }
}
