/** The variants that must hold, with the number of their states, and the mutants that must be caught. */

import { designed, type Rules } from "./rules.ts";

/** One exploration and what it must find. */
export interface Run {
  readonly name: string;
  readonly rules: Rules;
  /** Violations that may be seen; `undefined` for a mutant, which must show one that is not tolerated. */
  readonly allowed?: readonly string[];
  /** Number of reachable states of a variant. */
  readonly states?: number;
}

const beside = { foreignWriter: true, writers: 1, deletes: 2 } as const;
const restored = { restores: true, writers: 1, workers: 1 } as const;
/** Nothing but: both foreign keys, the lease, death through the object row, no key written again. */
const four = {
  empty: true,
  tombstonesForever: true,
  conditionalPut: false,
  trash: false,
  strictPublish: false,
  foreignLooks: false,
  drain: false,
  absentSendsNothing: false,
  genFence: false,
  purgeLooks: false,
  longTrash: false,
  purgeSparesReserved: false,
  cancelQueuedOnly: false,
  deletes: 2,
} as const;

function variant(name: string, change: Partial<Rules>, states: number, allowed: string[] = []): Run {
  return { name, rules: { ...designed, ...change }, allowed, states };
}

function mutant(name: string, change: Partial<Rules>): Run {
  return { name, rules: { ...designed, ...change } };
}

const dangling = ["foreign dangling"];

const stepwise = { careInSteps: true } as const;
const stepwiseBeside = { ...stepwise, ...beside } as const;
const revived = { ...stepwise, workers: 1, revives: 1 } as const;
const revivedBeside = { ...stepwiseBeside, ...revived } as const;
const stepwiseRestored = { ...stepwise, ...restored } as const;

/** Heal and reconcile step by step, revive, and the end of a restore. */
const grown: readonly Run[] = [
  variant("L heal and reconcile in steps", stepwise, 416_701),
  variant("N + foreign writer", stepwiseBeside, 1_820_542, dangling),
  variant("O adoption without a second look", { ...stepwise, adoptLooksAgain: false }, 637_949),
  variant("P revive", revived, 286_638),
  variant("Q revive + foreign writer", revivedBeside, 717_226, dangling),
  variant(
    "R revive, versioned, no conditional PUT",
    { ...revived, versioned: true, conditionalPut: false },
    295_741,
  ),
  variant("S restore, healed in steps", stepwiseRestored, 19_350, dangling),
  // The foreign keys hold; the rest is for people.
  variant(
    "T the collector works during a restore",
    { ...stepwiseRestored, restorePausesCollector: false },
    21_691,
    dangling,
  ),
  mutant("M27 adoption as known to be good", { ...stepwiseBeside, adoptUnverified: false }),
  mutant("M28 unknown bytes of an old listing are swept", { ...stepwiseBeside, adoptUnknown: false }),
  mutant("M29 heal without generation", {
    ...stepwiseBeside,
    writers: 2,
    workers: 1,
    crashes: 0,
    healFence: false,
  }),
  mutant("M30 heal marks before it copies", { ...stepwiseBeside, healCopiesFirst: false }),
  mutant("M31 heal before old DELETEs have landed", { ...stepwiseRestored, healDrainsFirst: false }),
  mutant("M32 revive as known to be good", { ...revivedBeside, reviveUnverified: false }),
  mutant("M33 revive beside a tombstone in work", {
    ...revivedBeside,
    reviveLooks: false,
    reviveDrainsFirst: false,
  }),
  mutant("M34 revive moves out of the trash before the drain", {
    ...revivedBeside,
    workers: 2,
    reviveCopies: false,
    reviveDrainsFirst: false,
  }),
  mutant("M35 a restore is confirmed before all is found sound", {
    ...stepwiseRestored,
    restoreConfirmsSound: false,
  }),
];

export const runs: readonly Run[] = [
  variant("A service only, unversioned", {}, 41_515),
  variant("B service only, versioned bucket", { versioned: true }, 41_797),
  variant("C + foreign writer, unversioned", beside, 408_691, dangling),
  variant("D + foreign writer, versioned", { ...beside, versioned: true }, 450_355, dangling),
  variant("E + foreign writer, no conditional PUT", { ...beside, conditionalPut: false }, 408_031, dangling),
  variant("F service only, no conditional PUT, no trash", { conditionalPut: false, trash: false }, 39_364),
  variant("G restore to an earlier moment", restored, 4_498, dangling),
  variant(
    "H restore, foreign writer, versioned",
    { ...restored, foreignWriter: true, versioned: true, crashes: 0 },
    52_737,
    dangling,
  ),
  variant("I service only, nothing there yet", { empty: true, deletes: 2 }, 61_209),
  variant("J + foreign writer, nothing there yet", { ...beside, empty: true }, 690_552, dangling),
  // Only late PUTs under kept tombstones leak.
  variant("K four rules only", four, 12_701, ["leak"]),
  ...grown,
  mutant("M1 no foreign key from row to hold", { rowKey: false }),
  mutant("M2 no foreign key from hold to object", { holdKey: false }),
  mutant("M3 publish after the lease", { lease: false }),
  mutant("M4 publish does not look for tombstones", { ...beside, strictPublish: false }),
  mutant("M5 foreign insert does not look for tombstones", { ...beside, foreignLooks: false }),
  mutant("M6 no drain before the key is free", { ...beside, drain: false }),
  mutant("M7 a killed key is taken again, no drain", {
    burn: false,
    drain: false,
    strictPublish: false,
    foreignLooks: false,
  }),
  mutant("M8 cancel of a claimed tombstone", { ...beside, cancelQueuedOnly: false, foreignLooks: false }),
  mutant("M9 verifier without generation", { ...beside, genFence: false }),
  mutant("M10 reuse of unverified objects", { ...beside, reuseVerifiedOnly: false }),
  mutant("M11 no trash beside a foreign writer", { ...beside, trash: false }),
  mutant("M12 DELETE although nothing was found", { ...beside, absentSendsNothing: false }),
  mutant("M13 purge without looking at the object", { ...beside, purgeLooks: false }),
  mutant("M14 purge before a slow foreign writer", { ...beside, longTrash: false }),
  mutant("M15 purge before the backup window ends", { ...restored, longTrash: false }),
  mutant("M16 the reaper deletes bytes directly", { ...beside, reapViaObject: false }),
  mutant("M17 unknown bytes are swept at once", { ...beside, adoptUnknown: false }),
  mutant("M18 restore trusts what was verified", { ...restored, restoreDistrusts: false }),
  mutant("M19 restore verifies before old DELETEs have landed", { ...restored, restoreDrainsFirst: false }),
  mutant("M20 purge forgets a reserved key", { ...beside, purgeSparesReserved: false }),
  mutant("M21 keys reserved during a restore", { ...restored, restorePausesReserve: false }),
  mutant("M22 four rules without the lease", { ...four, lease: false }),
  mutant("M23 four rules, the reaper deletes directly", { ...four, reapViaObject: false }),
  mutant("M24 four rules, keys taken again", { ...four, burn: false }),
  mutant("M25 four rules without the key of the hold", { ...four, holdKey: false }),
  mutant("M26 four rules without the key of the row", { ...four, rowKey: false }),
];
