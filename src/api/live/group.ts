/** Subscriptions that ask the same: each entry is read once for all of them. */

import type { ChangeRange } from "../../db/changes.ts";
import type { Batch, ChangeFeed, FeedReader } from "./feed.ts";
import { persist } from "./persist.ts";
import { behind, type Position } from "./position.ts";
import { covers, type Snapshot, sees } from "./snapshot.ts";
import type { Teller, Told } from "./tell.ts";

/** Who is told. */
export interface GroupMember {
  /** False where there is no room: then the member is let go, to read on by itself. */
  offer(told: Told, position: Position): boolean;
  fail(error: unknown): void;
}

interface Attached {
  readonly since: Snapshot;
  letGo(position: Position): void;
}

/** Subscriptions of one question. */
export class Group implements FeedReader {
  readonly tables: ChangeRange["tables"];
  readonly teller: Teller;
  readonly #feed: ChangeFeed;
  readonly #attached = new Map<GroupMember, Attached>();

  constructor(feed: ChangeFeed, teller: Teller, tables: ChangeRange["tables"]) {
    this.#feed = feed;
    this.teller = teller;
    this.tables = tables;
  }

  /**
   * Lets the member follow the feed, if it has seen as much. Answers where it must go on when there was no room for it; nothing where
   * the feed is further.
   */
  attach(member: GroupMember, since: Snapshot): Promise<Position> | undefined {
    const { position } = this.#feed;
    if (position === undefined || !covers(since, position)) return undefined;
    const { promise, resolve } = Promise.withResolvers<Position>();
    this.#attached.set(member, { since, letGo: resolve });
    return promise;
  }

  detach(member: GroupMember): void {
    this.#attached.delete(member);
  }

  async take({ base, to, entries }: Batch): Promise<void> {
    try {
      for (const entry of entries) {
        const members = [...this.#attached].filter(([, { since }]) => !sees(since, entry.xid));
        if (members.length === 0) continue;
        const told = await persist(() => this.teller.tell(entry), this.#feed.signal);
        for (const [member, { since }] of members) {
          // The member may have seen more than the feed had when it came.
          const range = { base: covers(since, base) ? since : base, to };
          this.#give(member, told, (row) => behind(range, entry, row));
        }
      }
    } catch (error) {
      if (!this.#feed.signal.aborted) this.fail(error);
    }
  }

  #give(member: GroupMember, told: readonly Told[], at: (row: number) => Position): void {
    for (const one of told) {
      const attached = this.#attached.get(member);
      if (attached === undefined) return;
      if (member.offer(one, at(one.n))) continue;
      this.#attached.delete(member);
      attached.letGo(at(one.n - 1));
    }
  }

  fail(error: unknown): void {
    for (const member of [...this.#attached.keys()]) member.fail(error);
  }
}
