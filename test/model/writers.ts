/** Actions of writers: the service's, the reaper of their uploads, and the foreign writer. One SQL transaction or storage call each. */

import {
  add,
  cancelTombs,
  clearUpload,
  foreign,
  putBytes,
  registerObject,
  type Situation,
  setObject,
  tombstone,
  writing,
} from "./situation.ts";
import { at } from "./state.ts";

export function serviceWriters(s: Situation): void {
  for (let writer = 0; writer < s.rules.writers; writer++) {
    const step = s.get(at.writer + writer);
    if (step === writing.idle) look(s, writer);
    if (step === writing.reuse) reuse(s, writer);
    if (step === writing.upload) put(s, writer);
    if (step === writing.publish) publish(s, writer);
    if (step !== writing.idle && step !== writing.done && s.has(at.crashes)) {
      const d = s.begin();
      d[at.writer + writer] = writing.done;
      add(d, at.crashes, -1);
      s.arrive(`writer ${writer} crashes`);
    }
  }
}

function reusable(s: Situation): boolean {
  return s.has(at.gen) && (s.has(at.verified) || !s.rules.reuseVerifiedOnly);
}

function look(s: Situation, writer: number): void {
  const free = !s.has(at.gen) && !s.has(at.uploadOwner) && (!s.has(at.tombs) || !s.rules.burn);
  const d = s.begin();
  if (reusable(s)) {
    d[at.writer + writer] = writing.reuse;
    s.arrive(`writer ${writer} finds the content`);
  } else if (free && !(s.has(at.paused) && s.rules.restorePausesReserve)) {
    d[at.uploadOwner] = writer + 1;
    d[at.writer + writer] = writing.upload;
    s.arrive(`writer ${writer} reserves the key`);
  } else {
    d[at.writer + writer] = writing.done;
    s.arrive(`writer ${writer} takes another key`);
  }
}

/** One transaction: hold_existing and the row. */
function reuse(s: Situation, writer: number): void {
  const d = s.begin();
  if (reusable(s)) {
    // Even during a restore no new row may start without bytes.
    if (!s.has(at.live)) s.violated("dangling");
    d[at.condemned] = 0;
    d[at.hold] = 1;
    add(d, at.refs, 1);
    d[at.writer + writer] = writing.done;
    s.arrive(`writer ${writer} reuses`);
  } else if (s.has(at.gen) || (s.rules.holdKey && s.rules.rowKey)) {
    d[at.writer + writer] = writing.idle;
    s.arrive(`writer ${writer} is refused the reuse`);
  } else {
    add(d, at.refs, 1);
    d[at.writer + writer] = writing.done;
    s.arrive(`writer ${writer} reuses without a foreign key`);
  }
}

/** The PUT may come after its lease, even after the reaper. */
function put(s: Situation, writer: number): void {
  const d = s.begin();
  if (s.has(at.live) && s.rules.conditionalPut) {
    d[at.writer + writer] = writing.done;
    s.arrive(`writer ${writer} is refused the PUT, takes another key`);
  } else if (s.get(at.lastVersion) < 5) {
    putBytes(d);
    d[at.writer + writer] = writing.publish;
    s.arrive(`writer ${writer} puts`);
  }
}

/** One transaction: publish and the row. */
function publish(s: Situation, writer: number): void {
  const exists = s.has(at.gen);
  const mine = s.get(at.uploadOwner) === writer + 1 && !s.has(at.uploadExpired);
  const inWork = s.anyTomb(tombstone.queued, tombstone.claimed, tombstone.hidden);
  const passes =
    (mine || !s.rules.lease) &&
    (exists || s.room) &&
    !(s.has(at.tombs) && s.rules.strictPublish) &&
    (exists || !inWork || !s.rules.foreignLooks);
  const d = s.begin();
  d[at.writer + writer] = writing.done;
  if (!passes) {
    s.arrive(`writer ${writer} is refused the publication`);
    return;
  }
  if (exists) setObject(d, s.get(at.gen), 1, 0);
  else {
    registerObject(d, 1, 0);
    cancelTombs(d, s.rules);
  }
  d[at.hold] = 1;
  add(d, at.refs, 1);
  if (mine) clearUpload(d);
  s.arrive(`writer ${writer} publishes`);
}

export function leaseAndReaper(s: Situation): void {
  if (!s.has(at.uploadOwner)) return;
  const d = s.begin();
  if (!s.has(at.uploadExpired)) {
    d[at.uploadExpired] = 1;
    s.arrive("the lease expires");
    return;
  }
  if (s.has(at.paused)) return;
  clearUpload(d);
  if (!s.rules.reapViaObject) {
    add(d, at.inFlight, 1);
    s.arrive("the reaper deletes bytes directly");
  } else if (s.has(at.gen)) s.arrive("the reaper finds the key in use");
  else if (s.room && !s.anyTomb(tombstone.claimed, tombstone.hidden)) {
    registerObject(d, 0, 1);
    cancelTombs(d, s.rules);
    s.arrive("the reaper registers garbage");
  }
}

export function rowDeletes(s: Situation): void {
  if (!s.has(at.deletes)) return;
  if (s.has(at.refs)) {
    const d = s.begin();
    add(d, at.refs, -1);
    add(d, at.deletes, -1);
    s.arrive("a row is deleted");
  }
  if (s.has(at.foreignRef)) {
    const d = s.begin();
    d[at.foreignRef] = 0;
    add(d, at.deletes, -1);
    s.arrive("the foreign row is deleted");
  }
}

/** exists(), maybe PUT, INSERT; the trigger is in its transaction. */
export function foreignWriter(s: Situation): void {
  const step = s.get(at.foreign);
  const d = s.begin();
  if (step === foreign.start) {
    d[at.foreign] = s.has(at.live) ? foreign.insert : foreign.put;
    s.arrive("the foreign writer looks");
  } else if (step === foreign.put && s.get(at.lastVersion) < 5) {
    putBytes(d);
    d[at.foreign] = foreign.insert;
    s.arrive("the foreign writer puts");
  } else if (step === foreign.insert) foreignInsert(s);
}

function foreignInsert(s: Situation): void {
  const d = s.begin();
  d[at.foreign] = foreign.done;
  if (!s.has(at.gen) && s.anyTomb(tombstone.claimed, tombstone.hidden) && s.rules.foreignLooks) {
    if (s.room) d[at.foreign] = foreign.start;
    s.arrive("the foreign writer is refused, tries again");
    return;
  }
  if (!s.has(at.gen) && !s.room) return;
  if (s.has(at.gen)) d[at.condemned] = 0;
  else {
    registerObject(d, 0, 0);
    cancelTombs(d, s.rules);
  }
  d[at.hold] = 1;
  d[at.foreignRef] = 1;
  s.arrive("the foreign writer inserts");
}
