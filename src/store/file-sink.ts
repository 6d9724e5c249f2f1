/**
 * The bytes of a new file on their way to the disk: gathered, written beside what still comes, and handed to the disk early, so that the
 * fsync at the end finds little left to do.
 */

import type { FileHandle } from "node:fs/promises";

const firstBytes = 64 * 1024;
const pieceBytes = 1 << 20;
/** Written bytes after which the disk is asked to take them. */
const flushBytes = 32 << 20;

/** Whether some file of a store is being handed to the disk: it takes a thread, of which there are few. */
export interface Flushing {
  isBusy: boolean;
}

export class FileSink {
  readonly #handle: FileHandle;
  readonly #flushing: Flushing;
  /** Filled in turn: one is being written while the other one takes what comes. */
  #filling = Buffer.allocUnsafeSlow(firstBytes);
  #spare: Buffer<ArrayBuffer> | undefined;
  #filled = 0;
  #unflushed = 0;
  #writing: Promise<void> = Promise.resolve();
  #flush: Promise<void> = Promise.resolve();

  constructor(handle: FileHandle, flushing: Flushing) {
    this.#handle = handle;
    this.#flushing = flushing;
  }

  /** Takes bytes, which the caller may change afterwards. @throws what an earlier write has failed with. */
  async write(chunk: Uint8Array): Promise<void> {
    for (let rest = chunk; rest.length > 0; ) {
      const taken = rest.subarray(0, this.#filling.length - this.#filled);
      this.#filling.set(taken, this.#filled);
      this.#filled += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#filled === this.#filling.length) await this.#turn();
    }
  }

  /** Writes what is left. @throws what any write has failed with. */
  async end(): Promise<void> {
    await this.#writing;
    // Nothing comes any more that would need the other buffer: most files are small.
    await this.#put(this.#filling.subarray(0, this.#filled));
    this.#filled = 0;
    await this.#flush;
  }

  /** Waits until nothing uses the file any more; never throws. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#writing, this.#flush]);
  }

  async #turn(): Promise<void> {
    await this.#writing;
    const full = this.#filling.subarray(0, this.#filled);
    this.#filling = this.#spare ?? Buffer.allocUnsafeSlow(pieceBytes);
    this.#filled = 0;
    this.#spare = full.length === pieceBytes ? full : undefined;
    this.#writing = this.#put(full);
    // Told by the next turn, or by the end.
    this.#writing.catch(() => undefined);
  }

  async #put(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#handle.write(bytes, done, bytes.length - done)).bytesWritten;
    }
    this.#unflushed += bytes.length;
    if (this.#unflushed < flushBytes || this.#flushing.isBusy) return;
    this.#unflushed = 0;
    this.#flush = this.#flushNow(this.#flush);
    this.#flush.catch(() => undefined);
  }

  async #flushNow(before: Promise<void>): Promise<void> {
    this.#flushing.isBusy = true;
    try {
      await this.#handle.datasync();
    } finally {
      this.#flushing.isBusy = false;
    }
    await before;
  }
}
