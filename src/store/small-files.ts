/**
 * Small files of a file store, where many are made or read at once: in groups, by a thread of their own. A lone one is made or read in the
 * ordinary way, which is quicker than to wake a thread.
 */

import type { ObjectHead } from "./contract.ts";
import { fileError } from "./file-error.ts";
import type { Folder } from "./folder.ts";
import { Gathering } from "./gathering.ts";
import { errorOf } from "./small-contract.ts";
import { type SmallGet, smallBytes } from "./small-get.ts";
import { type PutOutcome, putGroup, type SmallPut } from "./small-put.ts";
import { SmallThread } from "./small-thread.ts";

/** Made or read in the ordinary way at the same time; who comes then is gathered. */
const aloneAtMost = 4;
/** Files of one group. */
const most = 32;
/** Groups under way: one is worked on while the other one is gathered, sent, or waits for the disk. */
const groups = 2;

export interface SmallOptions {
  readonly location: string;
  /** Opens the location. */
  root(): Promise<Folder>;
  /** Told the steps of each put, which then happen in this thread. */
  readonly faults?: ((point: string) => void | Promise<void>) | undefined;
  /** Folders whose names are not known to be durable. */
  readonly unsynced: Set<string>;
}

/** What a read finds; `undefined`: it has to be done in the ordinary way. */
export type SmallRead = { readonly head: ObjectHead; readonly bytes: Uint8Array } | undefined;

export class SmallFiles {
  readonly #options: SmallOptions;
  readonly #maker = new SmallThread();
  readonly #reader = new SmallThread();
  readonly #puts: Gathering<SmallPut, ObjectHead>;
  readonly #gets: Gathering<SmallGet, SmallRead>;
  /** Of puts in this thread. */
  readonly #made = new Set<string>();
  #alone = 0;

  constructor(options: SmallOptions) {
    this.#options = options;
    this.#puts = new Gathering({ all: (puts) => this.#putAll(puts), most, groups });
    this.#gets = new Gathering({ all: (gets) => this.#getAll(gets), most, groups });
  }

  /** Does `alone` while few are under way, `together` otherwise. */
  async either<T>(
    kind: "put" | "get",
    { alone, together }: { readonly alone: () => Promise<T>; readonly together: () => Promise<T> },
  ): Promise<T> {
    const gathering = kind === "put" ? this.#puts : this.#gets;
    if (gathering.isBusy || this.#alone >= aloneAtMost) return together();
    this.#alone += 1;
    try {
      return await alone();
    } finally {
      this.#alone -= 1;
    }
  }

  /** Makes a small file, durable when this returns. */
  put(put: SmallPut): Promise<ObjectHead> {
    return this.#puts.ask(put);
  }

  /** Reads a range of a file, if that is small. */
  async get(get: SmallGet): Promise<SmallRead> {
    if (get.end !== undefined && get.end - get.start > smallBytes) return undefined;
    return this.#gets.ask(get);
  }

  /** Waits for the groups that make files and folders now: one may have passed through a folder that they have made and not synced. */
  settled(): Promise<void> {
    return this.#puts.settled();
  }

  async #putAll(puts: readonly SmallPut[]): Promise<readonly (() => ObjectHead)[]> {
    const { location } = this.#options;
    const root = await this.#options.root();
    let outcomes: readonly PutOutcome[];
    try {
      outcomes = await this.#outcomes(puts, { fd: root.fd, path: root.path });
    } catch (error) {
      throw fileError(location, error);
    } finally {
      await root.close();
    }
    return outcomes.map((outcome, index) => () => {
      if ("error" in outcome) throw fileError(location, outcome.error);
      return headOf(puts[index]?.path ?? "", outcome);
    });
  }

  async #outcomes(
    puts: readonly SmallPut[],
    root: { readonly fd: number; readonly path: string },
  ): Promise<readonly PutOutcome[]> {
    const { faults, unsynced } = this.#options;
    if (faults !== undefined) return putGroup(puts, { root, made: this.#made, faults });
    // Of its own memory, which goes to the other thread.
    const bytes = new Uint8Array(puts.reduce((sum, put) => sum + put.bytes.length, 0));
    let to = 0;
    const places = puts.map((put) => {
      const from = to;
      bytes.set(put.bytes, from);
      to += put.bytes.length;
      return { path: put.path, from, to };
    });
    const done = await this.#maker
      .run({ kind: "put", root, puts: places, bytes }, [bytes.buffer])
      .catch((error: unknown) => {
        // What a thread knew of the folders that it had made is gone with it.
        for (const { path } of puts) for (const above of foldersAbove(path)) unsynced.add(above);
        throw error;
      });
    for (const made of done.unsynced) unsynced.add(made);
    return done.outcomes.map((each) => ("error" in each ? { error: errorOf(each.error) } : each));
  }

  async #getAll(gets: readonly SmallGet[]): Promise<readonly (() => SmallRead)[]> {
    const root = await this.#options.root();
    try {
      const { outcomes, bytes } = await this.#reader.run({ kind: "get", root: root.path, gets });
      return outcomes.map((found, index) => () => {
        if (found === undefined) return undefined;
        return { head: headOf(gets[index]?.path ?? "", found), bytes: bytes.subarray(found.from, found.to) };
      });
    } finally {
      await root.close();
    }
  }
}

function* foldersAbove(path: string): Generator<string> {
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) yield path.slice(0, at);
}

function headOf(
  path: string,
  found: { readonly sizeBytes: number; readonly modifiedMs: number },
): ObjectHead {
  return { path, sizeBytes: found.sizeBytes, modifiedAt: new Date(Math.round(found.modifiedMs)) };
}
