/** One request's right to go on with an upload: held in the database, kept alive by progress, lost by silence. */

import { randomUUID } from "node:crypto";
import type { Database } from "../db/contract.ts";
import {
  claim,
  locked,
  note,
  type Progress,
  type Resumption,
  release,
  renew,
  writerMs,
} from "./resume-record.ts";
import type { UploadRecord } from "./upload-record.ts";

/** How much earlier than the database a writer holds its claim for lapsed. */
const marginMs = 1_000;

/**
 * The claim of one writer. It is prolonged while bytes arrive or are being written; when a client falls silent it lapses, so that the same
 * client may go on by another connection long before this one is known to be dead.
 */
export class Claim {
  readonly #db: Database;
  readonly #record: UploadRecord;
  readonly #writer: string;
  readonly #timer: NodeJS.Timeout;
  #deadline: number;
  #hasMoved = false;
  #work = 0;

  private constructor(
    db: Database,
    record: UploadRecord,
    { writer, since }: { writer: string; since: number },
  ) {
    this.#db = db;
    this.#record = record;
    this.#writer = writer;
    this.#deadline = since + writerMs - marginMs;
    this.#timer = setInterval(() => this.#keep(), writerMs / 3);
    this.#timer.unref();
  }

  /** @throws {CONFLICT} while another writer shows progress. */
  static async open(
    db: Database,
    record: UploadRecord,
  ): Promise<{ readonly claim: Claim; readonly from: Resumption }> {
    const writer = randomUUID();
    const since = performance.now();
    const from = await claim(db, record, writer);
    if (from === undefined) throw locked(record);
    return { claim: new Claim(db, record, { writer, since }), from };
  }

  get writer(): string {
    return this.#writer;
  }

  /** Bytes have come. */
  moved(): void {
    this.#hasMoved = true;
  }

  /** Keeps the claim for as long as `work` takes. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#work += 1;
    try {
      return await work();
    } finally {
      this.#work -= 1;
    }
  }

  /** To be asked before anything is written. @throws {CONFLICT} when another writer has taken over. */
  async check(): Promise<void> {
    if (performance.now() >= this.#deadline) await this.#renewed();
  }

  /** Remembers what `begin` answered. @throws {CONFLICT} as `check`. */
  begun(handle: string): Promise<void> {
    return this.#renewed(handle);
  }

  /** Remembers progress. @throws {CONFLICT} as `check`. */
  async note(progress: Progress): Promise<void> {
    const since = performance.now();
    this.#held(await note(this.#db, this.#record.id, this.#writer, progress), since);
  }

  async #renewed(handle?: string): Promise<void> {
    const since = performance.now();
    this.#held(await renew(this.#db, this.#record.id, this.#writer, handle), since);
  }

  #held(isHeld: boolean, since: number): void {
    if (!isHeld) throw locked(this.#record);
    this.#deadline = since + writerMs - marginMs;
  }

  #keep(): void {
    if (!this.#hasMoved && this.#work === 0) return;
    this.#hasMoved = false;
    // A failure shows at the next check.
    this.#renewed().catch(() => undefined);
  }

  /** Lets the next writer begin. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await release(this.#db, this.#record.id, this.#writer);
  }
}
