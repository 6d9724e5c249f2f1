/** From a request's bytes to pieces in the store: hashed, gathered, written, remembered, one piece on its way while the next one fills. */

import type { Piece, ResumableAbility, Unfinished } from "../store/contract.ts";
import type { Claim } from "./resume-claim.ts";
import type { ResumableDigest } from "./resume-digest.ts";
import type { Progress, Resumption } from "./resume-record.ts";

const firstBytes = 64 * 1024;

export interface PiecesOptions {
  readonly ability: ResumableAbility;
  readonly path: string;
  readonly claim: Claim;
  readonly digest: ResumableDigest;
  readonly from: Resumption;
  /** Reads the bytes behind the last piece, which were hashed when they came. */
  readonly tail: () => Promise<Uint8Array>;
  /** Of the whole object, where it is known. */
  readonly sizeBytes: number | undefined;
  /** Nothing is remembered before the end: the bytes may yet turn out to be wrong. */
  readonly isHeld: boolean;
}

/** Takes the bytes of one request. */
export class Pieces {
  readonly #options: PiecesOptions;
  #unfinished: Unfinished | undefined;
  #buffer: Buffer<ArrayBuffer>;
  #spare: Buffer<ArrayBuffer> | undefined;
  /** Bytes behind the last piece, those of earlier requests included. */
  #filled: number;
  /** So many of them are of earlier requests, and in the database only: they are read when a piece is whole, not by each request. */
  #before: number;
  #number: number;
  /** Stored bytes in pieces, those on their way included. */
  #stored: number;
  /** Stored bytes that are remembered. */
  #noted: number;
  #pending: Promise<void> = Promise.resolve();
  #held: Piece[] = [];

  constructor(options: PiecesOptions) {
    const { from, path } = options;
    this.#options = options;
    if (from.handle !== undefined) this.#unfinished = { path, id: from.handle, epoch: from.epoch };
    this.#buffer = Buffer.allocUnsafeSlow(firstBytes);
    this.#filled = from.tailBytes;
    this.#before = from.tailBytes;
    this.#number = from.pieceCount + 1;
    this.#noted = from.received;
    this.#stored = from.received - from.tailBytes;
  }

  /** Stored bytes so far. */
  get received(): number {
    return this.#stored + this.#filled;
  }

  /** The unfinished object, once there is one. */
  get unfinished(): Unfinished | undefined {
    return this.#unfinished;
  }

  /** Takes bytes of the prefix, which the content's digest does not cover. */
  prefix(bytes: Uint8Array): Promise<void> {
    return this.#take(bytes, (part) => this.#options.digest.prefix(part));
  }

  push(bytes: Uint8Array): Promise<void> {
    return this.#take(bytes, (part) => this.#options.digest.update(part));
  }

  async #take(bytes: Uint8Array, hash: (part: Uint8Array) => void): Promise<void> {
    const { ability, sizeBytes } = this.#options;
    for (let rest = bytes; rest.length > 0; ) {
      const pieceBytes = ability.pieceBytes(this.#number, sizeBytes);
      // A tail of the time before the size was known may be longer than a piece is now.
      if (this.#filled < pieceBytes) {
        const part = rest.subarray(0, pieceBytes - this.#filled);
        hash(part);
        const at = this.#filled - this.#before;
        this.#grow(at + part.length, pieceBytes);
        this.#buffer.set(part, at);
        this.#filled += part.length;
        rest = rest.subarray(part.length);
      }
      if (this.#filled >= pieceBytes) await this.#flush();
    }
  }

  /** At least doubled, so that short bodies take little memory. */
  #grow(needed: number, most: number): void {
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.min(most, Math.max(needed, this.#buffer.length * 2)));
    this.#buffer.copy(larger, 0, 0, Math.min(this.#filled, this.#buffer.length));
    this.#buffer = larger;
  }

  /** Sends the piece on its way, once the one before it has arrived. */
  async #flush(): Promise<void> {
    await this.#gather();
    const bytes = this.#buffer.subarray(0, this.#filled);
    const piece = { number: this.#number, offset: this.#stored, bytes };
    const progress = this.#progress(this.#stored + this.#filled);
    await this.#pending;
    const next = this.#spare ?? Buffer.allocUnsafeSlow(firstBytes);
    this.#pending = this.#options.claim
      .during(() => this.#write(piece, progress))
      .then(() => {
        this.#spare = Buffer.from(bytes.buffer);
      });
    // Told to whoever waits for it.
    this.#pending.catch(() => undefined);
    this.#buffer = next;
    this.#stored += this.#filled;
    this.#number += 1;
    this.#filled = 0;
  }

  /** Puts the bytes of earlier requests before those of this one. */
  async #gather(): Promise<void> {
    if (this.#before === 0) return;
    const tail = await this.#options.tail();
    // Not Buffer.concat: it may answer a part of a shared pool, and this memory is filled again.
    const whole = Buffer.allocUnsafeSlow(this.#filled);
    whole.set(tail);
    whole.set(this.#buffer.subarray(0, this.#filled - this.#before), tail.length);
    this.#buffer = whole;
    this.#before = 0;
  }

  #progress(stored: number): Omit<Progress, "pieces"> {
    return { received: stored, states: this.#options.digest.save(), stored };
  }

  async #write(
    piece: { readonly number: number; readonly offset: number; readonly bytes: Uint8Array },
    progress: Omit<Progress, "pieces">,
  ): Promise<void> {
    const { ability, claim, isHeld } = this.#options;
    await claim.check();
    this.#unfinished ??= await this.#begin();
    const tag = await ability.write(this.#unfinished, piece);
    this.#held.push({ number: piece.number, sizeBytes: piece.bytes.length, tag });
    if (!isHeld) await this.#note(progress);
  }

  async #begin(): Promise<Unfinished> {
    const { ability, claim, path, from } = this.#options;
    const { epoch } = from;
    const id = await ability.begin(path, epoch);
    try {
      await claim.begun(id);
    } catch (error) {
      // Nobody else knows its name.
      await ability.discard({ path, id, epoch }).catch(() => undefined);
      throw error;
    }
    return { path, id, epoch };
  }

  async #note(progress: Omit<Progress, "pieces">): Promise<void> {
    await this.#options.claim.note({ ...progress, pieces: this.#held });
    this.#held = [];
    this.#noted = progress.received;
  }

  /** Makes everything durable that has come. `isWhole`: nothing will follow. */
  async end(isWhole: boolean): Promise<void> {
    const isPiece =
      this.#filled > 0 &&
      (isWhole ? this.#unfinished !== undefined || this.#number > 1 : this.#options.ability.takesShortPieces);
    if (isPiece) await this.#flush();
    await this.#pending;
    const at = Math.max(this.#noted, this.#stored);
    const bytes = this.#buffer.subarray(at - this.#stored - this.#before, this.#filled - this.#before);
    if (!isWhole && bytes.length === 0 && this.#held.length === 0) return;
    const progress = { ...this.#progress(this.#stored), received: this.received };
    await this.#options.claim.during(() =>
      this.#note(bytes.length === 0 ? progress : { ...progress, tail: { at, bytes } }),
    );
  }

  /** Waits for what is on its way, whatever comes of it. */
  async abandon(): Promise<void> {
    await this.#pending.catch(() => undefined);
  }
}
