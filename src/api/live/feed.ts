/**
 * The head of the stream of changes: one reader a process. A notification wakes it, and it reads what was committed since the snapshot
 * before. Which transactions those are the snapshots tell, so neither a late commit nor a lost notification loses anything.
 */

import {
  type ChangeEntry,
  type ChangeRange,
  type ChangeRetention,
  currentSnapshot,
  pruneChanges,
  readChanges,
} from "../../db/changes.ts";
import type { PostgresDatabase } from "../../db/database.ts";
import { type Listening, listenTo } from "../../db/notifications.ts";
import { persist } from "./persist.ts";
import { checkKept } from "./position.ts";
import { type Snapshot, snapshotOf } from "./snapshot.ts";

/** Entries between two snapshots. */
export interface Batch {
  readonly base: Snapshot;
  readonly to: Snapshot;
  readonly entries: readonly ChangeEntry[];
}

/** Who is told of the entries of some tables. */
export interface FeedReader {
  readonly tables: ChangeRange["tables"];
  /** Never throws. */
  take(batch: Batch): Promise<void>;
  fail(error: unknown): void;
}

/** How the feed works. */
export interface FeedOptions {
  readonly db: PostgresDatabase;
  readonly retention: ChangeRetention;
  /** False behind a transaction-mode pooler, through which nobody can listen: then the record is looked at often. */
  readonly listens: boolean;
  readonly log: { warn(details: object, message: string): void };
}

const channel = "holdfast_change";
/** A notification that is lost costs so long at most. */
const lookEveryMs = 2_000;
const lookOftenMs = 250;
/** Readers that work at a time. */
const parallelReaders = 4;

/** One process's feed; made by {@link createChangeFeed}. */
export class ChangeFeed {
  readonly options: FeedOptions;
  readonly #readers = new Set<FeedReader>();
  readonly #stop = new AbortController();
  readonly #prune: NodeJS.Timeout;
  #look: NodeJS.Timeout | undefined;
  #listening: Listening | undefined;
  #position: Snapshot | undefined;
  #starting: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  /** Subscriptions that are open. */
  subscriptions = 0;
  /** Subscriptions that were begun so far. */
  begun = 0;

  constructor(options: FeedOptions) {
    this.options = options;
    const everyMs = Math.min(Math.max((options.retention.keptSeconds * 1000) / 20, 1_000), 60_000);
    this.#prune = setInterval(() => this.#pruneNow(), everyMs).unref();
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** What the batch that is being told ends with, or has ended with: who wants to be told of the next must have seen so much. */
  get position(): Snapshot | undefined {
    return this.#position;
  }

  /** Tells the reader of every batch that begins from now on. Returns when the feed has a position. */
  async add(reader: FeedReader): Promise<void> {
    this.#readers.add(reader);
    this.#starting ??= this.#start();
    await this.#starting;
  }

  remove(reader: FeedReader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    // Without readers it does not look, and what is not looked at must not count as read.
    this.#position = undefined;
    this.#starting = undefined;
  }

  /** Looks for what is new; called while it looks, it will once more. */
  wake(): void {
    this.#again = true;
    if (this.#running !== undefined || this.#stop.signal.aborted) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Stops, and gives the connection back. */
  async close(): Promise<void> {
    this.#stop.abort(new Error("The feed of changes is closed."));
    clearInterval(this.#prune);
    clearInterval(this.#look);
    await this.#listening?.close();
    await this.#running;
  }

  async #start(): Promise<void> {
    this.#open();
    const { db } = this.options;
    const now = snapshotOf(await persist(() => currentSnapshot(db), this.#stop.signal));
    this.#position ??= now;
  }

  #open(): void {
    if (this.#look !== undefined || this.#stop.signal.aborted) return;
    const { db, listens, log } = this.options;
    this.#look = setInterval(() => this.wake(), listens ? lookEveryMs : lookOftenMs).unref();
    if (!listens) return;
    this.#listening = listenTo(db, {
      channel,
      onWake: () => this.wake(),
      onLost: (err) =>
        log.warn({ err }, "the connection that listens for changes is lost; it is opened again"),
    });
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stop.signal.aborted) {
      this.#again = false;
      try {
        await this.#batch();
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        for (const reader of [...this.#readers]) reader.fail(error);
      }
    }
  }

  async #batch(): Promise<void> {
    const base = this.#position;
    const { db } = this.options;
    const { signal } = this.#stop;
    if (base === undefined) return;
    const to = snapshotOf(await persist(() => currentSnapshot(db), signal));
    // Nobody may have waited for the answer.
    if (to.text === base.text || this.#position !== base) return;
    this.#position = to;
    const readers = [...this.#readers];
    const tables = readers.flatMap((reader) => reader.tables);
    let above = 0n;
    await persist(async () => {
      for await (const entries of readChanges(db, { from: base.text, to: to.text, above, tables })) {
        await this.#tell(readers, { base, to, entries });
        above = entries.at(-1)?.number ?? above;
      }
      await checkKept(db, { base });
    }, signal);
  }

  async #tell(readers: readonly FeedReader[], { base, to, entries }: Batch): Promise<void> {
    const waiting = readers[Symbol.iterator]();
    const work = async (): Promise<void> => {
      for (const reader of waiting) {
        const own = entries.filter((entry) => reader.tables.some((one) => isOf(entry, one)));
        if (own.length > 0) await reader.take({ base, to, entries: own });
      }
    };
    await Promise.all(Array.from({ length: Math.min(parallelReaders, readers.length) }, work));
  }

  #pruneNow(): void {
    const { db, retention, log } = this.options;
    pruneChanges(db, retention).catch((err: unknown) => {
      if (!this.#stop.signal.aborted)
        log.warn({ err }, "old changes could not be removed; it is tried again");
    });
  }
}

function isOf(entry: ChangeEntry, one: FeedReader["tables"][number]): boolean {
  return entry.table === one.table && entry.schema === one.schema;
}

/** Makes the feed of a process. It opens no connection before the first subscription. */
export function createChangeFeed(options: FeedOptions): ChangeFeed {
  return new ChangeFeed(options);
}
