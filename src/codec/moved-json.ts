/** An answer that a worker thread has written as JSON: its bytes have moved here, and nobody need look into them again. */

/** JSON text in UTF-8. */
export class MovedJson {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get text(): string {
    const { buffer, byteOffset, byteLength } = this.bytes;
    return Buffer.from(buffer, byteOffset, byteLength).toString("utf8");
  }
}

/** Shorter texts are copied between threads as fast as they could be moved. */
const shortText = 16 * 1024;

/** The answer as JSON in memory of its own; `undefined` where that gains nothing. */
export function jsonBytes(answer: unknown): Uint8Array<ArrayBuffer> | undefined {
  const isLong = typeof answer === "string" ? answer.length > shortText : typeof answer === "object";
  if (!isLong || answer === null) return undefined;
  return new TextEncoder().encode(JSON.stringify(answer));
}
