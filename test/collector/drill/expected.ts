/** What rows may be, by what their writers have said: the last acknowledged change, or any that was begun after it. */

import { contentOf, rowsOf } from "../proof/invariants.ts";
import { purgesOf } from "../proof/judged-store.ts";
import type { World } from "../proof/world.ts";
import type { Line } from "./lines.ts";

export class Expected {
  readonly #may = new Map<string, Set<string | null>>();
  readonly #puts = new Map<string, number>();
  readonly wrong: string[] = [];
  readonly refused = new Map<string, number>();
  acknowledged = 0;

  hear(line: Line): void {
    if ("begin" in line) for (const digest of this.#digests(line.digest)) this.#of(line.begin).add(digest);
    if ("ack" in line) {
      this.acknowledged += 1;
      this.#may.set(line.ack, new Set(this.#digests(line.digest)));
    }
    if ("wrong" in line) this.wrong.push(line.wrong);
    if ("refused" in line) this.refused.set(line.refused, (this.refused.get(line.refused) ?? 0) + 1);
    if ("put" in line) this.#puts.set(line.put, (this.#puts.get(line.put) ?? 0) + 1);
  }

  /** Of a clone: whatever its source may be. */
  #digests(digest: string | null): readonly (string | null)[] {
    if (digest?.startsWith("of ") !== true) return [digest];
    return [...this.#of(digest.slice(3))];
  }

  #of(key: string): Set<string | null> {
    const found = this.#may.get(key) ?? new Set<string | null>([null]);
    this.#may.set(key, found);
    return found;
  }

  /** I6: keys that were put more often than what lay there was purged. */
  async putTwice(world: World): Promise<string[]> {
    const wrong: string[] = [];
    for (const [locator, times] of this.#puts) {
      if (times > 1 && times > 1 + (await purgesOf(world.db, locator)))
        wrong.push(`I6: ${locator} was put ${times} times`);
    }
    return wrong;
  }

  /** Rows that are not what they may be, and rows without their bytes. */
  async compare(world: World): Promise<{ lost: string[]; dangling: string[] }> {
    const lost: string[] = [];
    const dangling: string[] = [];
    const seen = new Map<string, string | null>();
    for (const { table, id, locator } of await rowsOf(world)) {
      const digest = await contentOf(world, locator);
      if (digest === undefined) dangling.push(`${table} ${id}: ${locator}`);
      seen.set(`${table} ${id}`, digest ?? null);
    }
    for (const [key, may] of this.#may) {
      const is = seen.get(key) ?? null;
      if (!may.has(is)) lost.push(`${key} is ${is}, not ${[...may].join(" or ")}`);
      // From here on nothing is in doubt.
      this.#may.set(key, new Set([is]));
    }
    return { lost, dangling };
  }
}
