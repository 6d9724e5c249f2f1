/** Actions that take bytes away, and those that look after them: collector, workers, purge, verifier, heal, reconcile, restore. */

import { healer, lister } from "./care.ts";
import {
  add,
  clearTombs,
  clearUpload,
  foreign,
  putBytes,
  registerObject,
  type Situation,
  setTomb,
  tombstone,
  writing,
} from "./situation.ts";
import { at, backedUp } from "./state.ts";

function resting(s: Situation): boolean {
  return s.has(at.paused) && s.rules.restorePausesCollector;
}

/** Release, condemn (advice, may be stale) and kill: one transaction each. */
export function collector(s: Situation): void {
  if (resting(s)) return;
  if (s.has(at.hold) && (s.get(at.refs) + s.get(at.foreignRef) === 0 || !s.rules.rowKey)) {
    s.begin()[at.hold] = 0;
    s.arrive("the hold is released");
  }
  if (s.has(at.gen) && !s.has(at.condemned)) {
    s.begin()[at.condemned] = 1;
    s.arrive("the object is condemned");
  }
  if (s.has(at.condemned) && (!s.has(at.hold) || !s.rules.holdKey) && s.get(at.tombs) < 2) {
    const d = s.begin();
    setTomb(d, s.get(at.tombs), s.get(at.gen), tombstone.queued, -1);
    add(d, at.tombs, 1);
    d.fill(0, at.gen, at.hold + 1);
    s.arrive("the object is killed");
  }
}

/** Physical deletion: claim, copy, DELETE, report. */
export function workers(s: Situation): void {
  if (resting(s)) return;
  for (let worker = 0; worker < s.rules.workers; worker++) {
    const place = at.worker + 2 * worker;
    const step = s.get(place);
    if (step === 0) claim(s, worker);
    if (step === 1) copy(s, worker);
    if (step === 2 && s.get(at.inFlight) < 2) {
      const d = s.begin();
      add(d, at.inFlight, 1);
      d[place] = 3;
      s.arrive(`worker ${worker} sends DELETE`);
    }
    if (step === 3) report(s, worker);
    if (step !== 0 && s.has(at.crashes)) {
      const d = s.begin();
      d.fill(0, place, place + 2);
      add(d, at.crashes, -1);
      s.arrive(`worker ${worker} crashes`);
    }
  }
}

function claim(s: Situation, worker: number): void {
  for (let index = 0; index < s.get(at.tombs); index++) {
    const state = s.tombState(index);
    if (state !== tombstone.queued && state !== tombstone.claimed) continue;
    const gen = s.get(at.tomb + 3 * index);
    const d = s.begin();
    setTomb(d, index, gen, tombstone.claimed, worker);
    d.set([1, gen], at.worker + 2 * worker);
    s.arrive(`worker ${worker} claims or steals`);
  }
}

function copy(s: Situation, worker: number): void {
  const d = s.begin();
  if (s.has(at.live)) {
    if (s.rules.trash && !s.rules.versioned) d[at.trash] = 1;
    d[at.worker + 2 * worker] = 2;
    s.arrive(`worker ${worker} copies to the trash`);
  } else {
    d[at.worker + 2 * worker] = s.rules.absentSendsNothing ? 3 : 2;
    s.arrive(`worker ${worker} finds nothing`);
  }
}

function report(s: Situation, worker: number): void {
  const place = at.worker + 2 * worker;
  const gen = s.get(place + 1);
  const index = [0, 1].find((i) => i < s.get(at.tombs) && s.get(at.tomb + 3 * i) === gen);
  const mine =
    index !== undefined &&
    s.tombState(index) === tombstone.claimed &&
    s.get(at.tomb + 3 * index + 2) === worker + 1;
  const d = s.begin();
  if (!mine) {
    d.fill(0, place, place + 2);
    s.arrive(`worker ${worker} has lost its claim`);
  } else if (!s.has(at.live)) {
    setTomb(d, index, gen, tombstone.hidden, worker);
    d.fill(0, place, place + 2);
    s.arrive(`worker ${worker} reports hidden`);
  } else if (!s.has(at.inFlight)) {
    d[place] = 1;
    s.arrive(`worker ${worker} tries again`);
  }
}

/** What waiting for the drain, and signing DELETEs at claim time, buys. */
function quiet(s: Situation): boolean {
  const working = (step: number): boolean => step === 1 || step === 2;
  return !s.has(at.inFlight) && !working(s.get(at.worker)) && !working(s.get(at.worker + 2));
}

export function storeAndPurge(s: Situation): void {
  if (s.has(at.inFlight)) {
    const d = s.begin();
    add(d, at.inFlight, -1);
    if (s.has(at.live) && s.rules.versioned && s.rules.trash) d[at.trash] = 1;
    d[at.live] = 0;
    s.arrive("a DELETE lands");
  }
  for (let index = 0; index < s.get(at.tombs); index++) {
    if (s.tombState(index) !== tombstone.hidden || !(quiet(s) || !s.rules.drain)) continue;
    setTomb(s.begin(), index, s.get(at.tomb + 3 * index), tombstone.drained, -1);
    s.arrive("a tombstone has drained");
  }
  if (mayPurge(s)) {
    const d = s.begin();
    d[at.trash] = 0;
    if (!s.rules.tombstonesForever) clearTombs(d);
    s.arrive("the trash is purged");
  }
}

function mayPurge(s: Situation): boolean {
  const something = s.has(at.trash) || s.anyTomb(tombstone.drained);
  const inWork = s.anyTomb(tombstone.queued, tombstone.claimed, tombstone.hidden);
  const backupNeedsIt = s.get(at.snapshot) === 2 && s.rules.longTrash;
  if (!something || inWork || resting(s) || backupNeedsIt) return false;
  const objectSafe = !s.has(at.gen) || (s.has(at.verified) && s.has(at.live)) || !s.rules.purgeLooks;
  const keyFree = !s.has(at.uploadOwner) || !s.rules.purgeSparesReserved;
  const oldEnough = (s.get(at.foreign) !== foreign.insert && quiet(s)) || !s.rules.longTrash;
  return objectSafe && keyFree && oldEnough;
}

/** Verifier in two steps, heal, reconcile. */
export function caretakers(s: Situation): void {
  const exists = s.has(at.gen);
  const waits = s.has(at.paused) && s.has(at.inFlight) && s.rules.restoreDrainsFirst;
  if (exists && !s.has(at.verified) && s.has(at.live) && !s.has(at.verifier) && !waits) {
    s.begin()[at.verifier] = s.get(at.gen);
    s.arrive("the verifier looks");
  }
  if (s.has(at.verifier)) {
    const d = s.begin();
    d[at.verifier] = 0;
    const same = s.get(at.gen) === s.get(at.verifier) || !s.rules.genFence;
    if (exists && !s.has(at.verified) && same) d[at.verified] = 1;
    s.arrive("the verifier is done");
  }
  if (s.rules.careInSteps) {
    healer(s);
    lister(s);
    return;
  }
  if (exists && !s.has(at.live) && s.has(at.trash) && !s.has(at.inFlight) && s.get(at.lastVersion) < 6) {
    const d = s.begin();
    putBytes(d);
    d[at.verified] = 1;
    s.arrive("the object is healed");
  }
  if (s.has(at.verified) && !s.has(at.live)) {
    s.begin()[at.verified] = 0;
    s.arrive("the object is found missing");
  }
  adoptUnknown(s);
}

function adoptUnknown(s: Situation): void {
  const known = s.has(at.gen) || s.has(at.tombs) || s.has(at.uploadOwner);
  if (!s.has(at.live) || known || s.has(at.paused)) return;
  const d = s.begin();
  if (!s.rules.adoptUnknown) {
    d[at.live] = 0;
    s.arrive("unknown bytes are swept");
  } else if (s.room) {
    registerObject(d, 0, 1);
    s.arrive("unknown bytes are adopted");
  }
}

/** The database is restored to an earlier moment; the store is not. */
export function restore(s: Situation): void {
  if (s.rules.restores && !s.has(at.snapshot)) {
    const d = s.begin();
    d[at.snapshot] = 2;
    d.copyWithin(at.snapshotOf, 0, backedUp);
    s.arrive("a backup is made");
  }
  if (s.get(at.snapshot) === 2) {
    const ended = s.begin();
    ended[at.snapshot] = 1;
    ended.fill(0, at.snapshotOf, at.snapshotOf + backedUp);
    s.arrive("the backup window ends");
    if (s.room || !s.has(at.snapshotOf + at.gen)) goBack(s);
  }
  const sound = !s.has(at.gen) || (s.has(at.live) && s.has(at.verified)) || !s.rules.restoreConfirmsSound;
  if (s.has(at.paused) && !s.has(at.inFlight) && sound) {
    s.begin()[at.paused] = 0;
    s.arrive("work goes on");
  }
}

function goBack(s: Situation): void {
  const d = s.begin();
  d.copyWithin(0, at.snapshotOf, at.snapshotOf + at.uploadOwner);
  if (s.has(at.snapshotOf + at.gen)) {
    add(d, at.lastGen, 1);
    d[at.gen] = d[at.lastGen] ?? 0;
    if (s.rules.restoreDistrusts) d[at.verified] = 0;
  }
  clearUpload(d);
  clearTombs(d);
  for (let writer = 0; writer < s.rules.writers; writer++) {
    if (d[at.writer + writer] !== writing.idle) d[at.writer + writer] = writing.done;
  }
  d.fill(0, at.worker, at.worker + 4);
  d[at.foreign] = foreign.absent;
  for (const caretaker of [at.verifier, at.lister, at.healer, at.healGen, at.reviver]) d[caretaker] = 0;
  d[at.snapshot] = 1;
  d.fill(0, at.snapshotOf, at.snapshotOf + backedUp);
  d[at.paused] = 1;
  s.arrive("the database is restored");
}
