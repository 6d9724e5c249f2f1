/** What was done in one store, counted as it is committed. */

import type { StepCounts } from "./contract.ts";

/** {@link StepCounts} while they grow. */
export type Tally = { -readonly [K in keyof StepCounts]: StepCounts[K] };

export function newTally(): Tally {
  return {
    release: 0,
    condemn: 0,
    clear: 0,
    kill: 0,
    hide: 0,
    purge: 0,
    reap: 0,
    hiddenBytes: 0,
    purgedBytes: 0,
    kept: 0,
    inGrace: 0,
  };
}

/** First and last bound of a store's locators, both exclusive: the name holds no colon, and `;` comes after `:`. */
export function rangeOf(store: string): readonly [after: string, before: string] {
  return [`${store}:`, `${store};`];
}
