/** Heal, reconcile and revive in single steps: every look, copy and transaction is an action of its own. */

import { add, cancelTombs, putBytes, registerObject, type Situation, tombstone } from "./situation.ts";
import { at, type State } from "./state.ts";

/** Steps of the healer: has seen the key empty, has recorded it, has copied. */
const healing = { idle: 0, seen: 1, recorded: 2, copied: 3 } as const;
const versionLimit = 6;

function inWork(s: Situation): boolean {
  return s.anyTomb(tombstone.claimed, tombstone.hidden);
}

function restDraining(s: Situation): boolean {
  return s.has(at.paused) && s.has(at.inFlight);
}

/** HEAD finds nothing; TX records it; copy from the trash or a version; TX marks what it has copied. */
export function healer(s: Situation): void {
  const step = s.get(at.healer);
  if (step === healing.idle) lookForMissing(s);
  if (step === healing.seen) record(s);
  if (step === healing.recorded) copyBack(s);
  if (step === healing.copied) mark(s);
  if (step !== healing.idle && s.has(at.crashes)) {
    const d = s.begin();
    rest(d);
    add(d, at.crashes, -1);
    s.arrive("the healer crashes");
  }
}

function rest(d: State): void {
  d[at.healer] = healing.idle;
  d[at.healGen] = 0;
}

function lookForMissing(s: Situation): void {
  if (!s.has(at.gen) || s.has(at.live)) return;
  const d = s.begin();
  d[at.healer] = healing.seen;
  d[at.healGen] = s.get(at.gen);
  s.arrive("the healer finds nothing");
}

function record(s: Situation): void {
  const same = s.get(at.gen) === s.get(at.healGen);
  const d = s.begin();
  if (!same) rest(d);
  else {
    d[at.verified] = s.rules.healCopiesFirst ? 0 : 1;
    d[at.healer] = healing.recorded;
  }
  s.arrive(same ? "the healer records what is missing" : "the healer finds another generation");
}

function copyBack(s: Situation): void {
  if (restDraining(s) && s.rules.healDrainsFirst) return;
  const d = s.begin();
  if (s.has(at.live)) d[at.healer] = healing.copied;
  else if (!s.has(at.trash)) rest(d);
  else if (s.get(at.lastVersion) < versionLimit) {
    putBytes(d);
    d[at.healer] = healing.copied;
  } else return;
  s.arrive("the healer copies back");
}

function mark(s: Situation): void {
  const d = s.begin();
  const same = s.get(at.gen) === s.get(at.healGen) || !s.rules.healFence;
  if (s.has(at.gen) && same) d[at.verified] = 1;
  rest(d);
  s.arrive("the healer marks what it has copied");
}

function isKnown(s: Situation): boolean {
  return s.has(at.gen) || s.has(at.tombs) || s.has(at.uploadOwner);
}

/** A page of the listing, compared with the database; TX that adopts. */
export function lister(s: Situation): void {
  if (!s.has(at.lister)) {
    if (!s.has(at.live) || isKnown(s) || s.has(at.paused)) return;
    s.begin()[at.lister] = 1;
    s.arrive("the listing shows unknown bytes");
    return;
  }
  const d = s.begin();
  d[at.lister] = 0;
  if (!s.rules.adoptUnknown) {
    d[at.live] = 0;
    s.arrive("bytes that were unknown are swept");
    return;
  }
  const stale = isKnown(s) && s.rules.adoptLooksAgain;
  const refused = s.has(at.gen) || inWork(s) || stale;
  if (!refused && !s.room) return;
  if (!refused) {
    registerObject(d, s.rules.adoptUnverified ? 0 : 1, 1);
    cancelTombs(d, s.rules);
  }
  s.arrive(refused ? "what was unknown is known by now" : "bytes that were unknown are adopted");
}

/** Somebody asks for the object back: the mark, the queue or the trash. */
export function reviver(s: Situation): void {
  if (s.get(at.reviver) === 1) {
    registerRevived(s, "what was copied back is registered");
    if (!s.has(at.crashes)) return;
    const d = s.begin();
    d[at.reviver] = 0;
    add(d, at.crashes, -1);
    s.arrive("the reviver crashes");
    return;
  }
  if (!s.has(at.revives) || s.has(at.paused)) return;
  if (s.has(at.gen)) {
    if (!s.has(at.condemned)) return;
    const d = s.begin();
    d[at.condemned] = 0;
    add(d, at.revives, -1);
    s.arrive("the condemned is revived");
  } else if (s.anyTomb(tombstone.queued) && !inWork(s)) registerRevived(s, "the killed is revived");
  else outOfTheTrash(s);
}

function outOfTheTrash(s: Situation): void {
  const early = s.anyTomb(tombstone.hidden) && !s.rules.reviveDrainsFirst;
  const ready = s.anyTomb(tombstone.drained) && !inWork(s);
  if (!(early || ready) || !s.has(at.trash) || s.has(at.live)) return;
  if (s.get(at.lastVersion) >= versionLimit) return;
  const d = s.begin();
  putBytes(d);
  if (!s.rules.reviveCopies) d[at.trash] = 0;
  d[at.reviver] = 1;
  add(d, at.revives, -1);
  s.arrive("the reviver copies back");
}

function registerRevived(s: Situation, label: string): void {
  const d = s.begin();
  if (s.get(at.reviver) === 0) add(d, at.revives, -1);
  d[at.reviver] = 0;
  const refused = s.has(at.gen) || (inWork(s) && s.rules.reviveLooks);
  if (!refused && !s.room) return;
  if (!refused) {
    registerObject(d, s.rules.reviveUnverified ? 0 : 1, 0);
    cancelTombs(d, s.rules);
  }
  s.arrive(refused ? "the reviver is refused" : label);
}
