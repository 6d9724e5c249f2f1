/** The digest of a stream's bytes up to a point that is known later than they pass. */

import { createHash } from "node:crypto";

export class LaggingDigest {
  readonly #digest = createHash("sha256");
  #waiting: Uint8Array[] = [];
  #at = 0;

  /** Takes bytes that have passed. */
  pass(chunk: Uint8Array): void {
    this.#waiting.push(chunk);
  }

  /** Digests what lies before `position`; all of it must have passed. */
  upTo(position: number): void {
    for (let left = position - this.#at; left > 0; left = position - this.#at) {
      const chunk = this.#waiting[0];
      if (chunk === undefined) return;
      const taken = chunk.subarray(0, left);
      this.#digest.update(taken);
      this.#at += taken.length;
      if (taken.length === chunk.length) this.#waiting.shift();
      else this.#waiting[0] = chunk.subarray(taken.length);
    }
  }

  /** Ends it. */
  hex(): string {
    return this.#digest.digest("hex");
  }
}
