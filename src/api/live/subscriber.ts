/** One subscription: follows the feed while its client keeps up, and reads the record by itself while it does not. */

import { currentSnapshot, readChanges } from "../../db/changes.ts";
import type { Queryable } from "../../db/contract.ts";
import type { Channel } from "./channel.ts";
import type { ChangeFeed } from "./feed.ts";
import type { Group, GroupMember } from "./group.ts";
import { persist } from "./persist.ts";
import { behind, checkKept, cursorOf, type Position } from "./position.ts";
import { type Snapshot, snapshotOf } from "./snapshot.ts";
import type { Told } from "./tell.ts";

/** What a subscription stands on. */
export interface SubscriberParts {
  readonly db: Queryable;
  readonly feed: ChangeFeed;
  readonly group: Group;
  readonly channel: Channel<LiveChange>;
}

/** A change on its way to the client. */
export interface LiveChange {
  readonly told: Told;
  readonly cursor: string;
}

/** Reads for one channel until it ends. */
export class Subscriber implements GroupMember {
  readonly #parts: SubscriberParts;
  /** Where it reads on. */
  #at: Position;

  constructor(parts: SubscriberParts, start: Position) {
    this.#parts = parts;
    this.#at = start;
  }

  offer(told: Told, position: Position): boolean {
    const { channel } = this.#parts;
    return channel.isEnded || channel.push({ told, cursor: cursorOf(position) }, told.size);
  }

  fail(error: unknown): void {
    this.#parts.channel.end(error);
  }

  /** Runs until the channel ends; an error ends the channel with it. */
  async run(): Promise<void> {
    const { channel, group, feed } = this.#parts;
    try {
      while (!channel.isEnded) {
        const letGo = this.#at.within === undefined ? group.attach(this, this.#at.base) : undefined;
        if (letGo === undefined) {
          await persist(() => this.#catchUp(), feed.signal);
        } else {
          this.#at = await letGo;
          await channel.drained();
        }
      }
    } catch (error) {
      if (!feed.signal.aborted) channel.end(error);
    }
  }

  /** Tells everything behind the position that is committed by now. */
  async #catchUp(): Promise<void> {
    const { db } = this.#parts;
    const from = this.#at;
    const { base, within } = from;
    const to = within?.snapshot ?? snapshotOf(await currentSnapshot(db));
    await this.#read({ base, to }, within);
    // Looked at afterwards: what was read is whole only if nothing of it was removed meanwhile.
    await checkKept(db, from);
    this.#at = { base: to };
  }

  async #read(
    range: { readonly base: Snapshot; readonly to: Snapshot },
    from?: { readonly number: bigint; readonly row: number },
  ): Promise<void> {
    const { db, group, channel, feed } = this.#parts;
    const above = from === undefined ? 0n : from.number - 1n;
    const asked = { from: range.base.text, to: range.to.text, above, tables: group.tables };
    for await (const entries of readChanges(db, asked)) {
      for (const entry of entries) {
        const known = from?.number === entry.number ? from.row : 0;
        const told = await persist(() => group.teller.tell(entry), feed.signal);
        for (const one of told) {
          if (one.n <= known) continue;
          const position = behind(range, entry, one.n);
          const change = { told: one, cursor: cursorOf(position) };
          while (!channel.push(change, one.size)) {
            if (channel.isEnded) return;
            await channel.drained();
          }
          this.#at = position;
        }
      }
    }
  }
}
