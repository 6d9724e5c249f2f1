/** The rules of the storage protocol, each of which can be switched off, and the size of the world. */

/** Everything that a variant or mutant may change. Rules are on, faults are counted. */
export interface Rules {
  /** Foreign key from the row to the hold. */
  readonly rowKey: boolean;
  /** Foreign key from the hold to the object. */
  readonly holdKey: boolean;
  /** `publish` checks its lease. */
  readonly lease: boolean;
  /** `publish` refuses a key with a tombstone. */
  readonly strictPublish: boolean;
  /** A foreign insert is refused beside a tombstone in work. */
  readonly foreignLooks: boolean;
  /** A hidden key is not free before its drain. */
  readonly drain: boolean;
  /** A killed key is never reserved again. */
  readonly burn: boolean;
  /** Only tombstones that nobody has claimed are cancelled. */
  readonly cancelQueuedOnly: boolean;
  /** The verifier marks only the generation that it looked at. */
  readonly genFence: boolean;
  /** Only verified objects are reused. */
  readonly reuseVerifiedOnly: boolean;
  /** Bytes go to the trash before they go. */
  readonly trash: boolean;
  /** No DELETE is sent when nothing was found. */
  readonly absentSendsNothing: boolean;
  /** Purge looks at the object. */
  readonly purgeLooks: boolean;
  /** The trash is kept longer than slow foreign writers and the backup window. */
  readonly longTrash: boolean;
  /** The reaper deletes only through an object row. */
  readonly reapViaObject: boolean;
  /** Unknown bytes become condemned objects instead of going at once. */
  readonly adoptUnknown: boolean;
  /** The store has conditional PUT. */
  readonly conditionalPut: boolean;
  /** After a restore nothing is trusted as verified. */
  readonly restoreDistrusts: boolean;
  /** The collector rests after a restore. */
  readonly restorePausesCollector: boolean;
  /** Purge spares a key that an upload has reserved. */
  readonly purgeSparesReserved: boolean;
  /** No key is reserved after a restore until it is over. */
  readonly restorePausesReserve: boolean;
  /** After a restore the verifier waits until old DELETEs have landed. */
  readonly restoreDrainsFirst: boolean;
  /** Work goes on after a restore only when every object has been found sound. */
  readonly restoreConfirmsSound: boolean;
  /** Heal and reconcile look, copy and write in steps of their own, between which anything may happen. */
  readonly careInSteps: boolean;
  /** Reconcile looks again, in the transaction that adopts, whether the bytes are still unknown. */
  readonly adoptLooksAgain: boolean;
  /** What reconcile adopts is not known to be good. */
  readonly adoptUnverified: boolean;
  /** Heal marks only the generation that it found missing. */
  readonly healFence: boolean;
  /** Heal marks after its copy, not before. */
  readonly healCopiesFirst: boolean;
  /** After a restore heal waits until old DELETEs have landed. */
  readonly healDrainsFirst: boolean;
  /** What is revived is registered as not known to be good. */
  readonly reviveUnverified: boolean;
  /** Revive registers nothing beside a tombstone in work. */
  readonly reviveLooks: boolean;
  /** Revive copies out of the trash, and leaves the trash to purge. */
  readonly reviveCopies: boolean;
  /** Revive takes nothing out of the trash before the drain. */
  readonly reviveDrainsFirst: boolean;
  /** Tombstones are kept for ever. */
  readonly tombstonesForever: boolean;
  /** The bucket keeps versions. */
  readonly versioned: boolean;
  /** There is a writer that knows nothing of the protocol. */
  readonly foreignWriter: boolean;
  /** The database may be restored to an earlier moment. */
  readonly restores: boolean;
  /** Begin with nothing instead of one referenced object. */
  readonly empty: boolean;
  readonly writers: number;
  readonly workers: number;
  readonly crashes: number;
  readonly deletes: number;
  /** How often somebody asks for the object back. */
  readonly revives: number;
  readonly maxGen: number;
}

/** The protocol as designed, in the smallest world that shows its races. */
export const designed: Rules = {
  rowKey: true,
  holdKey: true,
  lease: true,
  strictPublish: true,
  foreignLooks: true,
  drain: true,
  burn: true,
  cancelQueuedOnly: true,
  genFence: true,
  reuseVerifiedOnly: true,
  trash: true,
  absentSendsNothing: true,
  purgeLooks: true,
  longTrash: true,
  reapViaObject: true,
  adoptUnknown: true,
  conditionalPut: true,
  restoreDistrusts: true,
  restorePausesCollector: true,
  purgeSparesReserved: true,
  restorePausesReserve: true,
  restoreDrainsFirst: true,
  restoreConfirmsSound: true,
  careInSteps: false,
  adoptLooksAgain: true,
  adoptUnverified: true,
  healFence: true,
  healCopiesFirst: true,
  healDrainsFirst: true,
  reviveUnverified: true,
  reviveLooks: true,
  reviveCopies: true,
  reviveDrainsFirst: true,
  tombstonesForever: false,
  versioned: false,
  foreignWriter: false,
  restores: false,
  empty: false,
  writers: 2,
  workers: 2,
  crashes: 1,
  deletes: 1,
  revives: 0,
  maxGen: 3,
};
