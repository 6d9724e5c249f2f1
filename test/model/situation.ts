/** One state under examination, and how an action leaves it: `begin()`, change the draft, `arrive(label)`. */

import type { Rules } from "./rules.ts";
import { at, type State } from "./state.ts";

/** Steps of a service writer. */
export const writing = { idle: 1, reuse: 2, upload: 3, publish: 4, done: 5 } as const;
/** States of a tombstone. */
export const tombstone = { queued: 1, claimed: 2, hidden: 3, drained: 4 } as const;
/** Steps of the foreign writer; `absent`: there is none. */
export const foreign = { start: 0, put: 1, insert: 2, done: 8, absent: 9 } as const;

/** A state and the ways out of it. */
export class Situation {
  readonly rules: Rules;
  readonly state: State;
  readonly #draft: State;
  readonly #arrive: (label: string) => void;
  /** Called for what must never be seen. */
  readonly violated: (what: string) => void;

  constructor(
    rules: Rules,
    memory: { readonly state: State; readonly draft: State },
    report: { readonly arrive: (label: string) => void; readonly violated: (what: string) => void },
  ) {
    this.rules = rules;
    this.state = memory.state;
    this.#draft = memory.draft;
    this.#arrive = report.arrive;
    this.violated = report.violated;
  }

  get(position: number): number {
    return this.state[position] ?? 0;
  }

  has(position: number): boolean {
    return this.state[position] !== 0;
  }

  get room(): boolean {
    return this.get(at.lastGen) < this.rules.maxGen;
  }

  tombState(index: number): number {
    return index < this.get(at.tombs) ? this.get(at.tomb + 3 * index + 1) : 0;
  }

  anyTomb(...states: number[]): boolean {
    return states.includes(this.tombState(0)) || states.includes(this.tombState(1));
  }

  /** A copy of the state, to be changed. */
  begin(): State {
    this.#draft.set(this.state);
    return this.#draft;
  }

  arrive(label: string): void {
    this.#arrive(label);
  }
}

export function setObject(draft: State, gen: number, verified: number, condemned: number): void {
  draft[at.gen] = gen;
  draft[at.verified] = verified;
  draft[at.condemned] = condemned;
}

/** Registers an object under a generation of its own. */
export function registerObject(draft: State, verified: number, condemned: number): void {
  const gen = (draft[at.lastGen] ?? 0) + 1;
  draft[at.lastGen] = gen;
  setObject(draft, gen, verified, condemned);
}

export function setTomb(draft: State, index: number, gen: number, state: number, worker: number): void {
  draft[at.tomb + 3 * index] = gen;
  draft[at.tomb + 3 * index + 1] = state;
  draft[at.tomb + 3 * index + 2] = worker + 1;
}

export function clearUpload(draft: State): void {
  draft[at.uploadOwner] = 0;
  draft[at.uploadExpired] = 0;
}

export function clearTombs(draft: State): void {
  draft.fill(0, at.tombs, at.tomb + 6);
}

/** What an insert of the object does to its tombstones: those in the queue are cancelled. */
export function cancelTombs(draft: State, rules: Rules): void {
  const kept: number[][] = [];
  for (let index = 0; index < (draft[at.tombs] ?? 0); index++) {
    const start = at.tomb + 3 * index;
    const state = draft[start + 1] ?? 0;
    const cancelled = state === tombstone.queued || (!rules.cancelQueuedOnly && state === tombstone.claimed);
    if (!cancelled) kept.push([...draft.subarray(start, start + 3)]);
  }
  clearTombs(draft);
  draft[at.tombs] = kept.length;
  draft.set(kept.flat(), at.tomb);
}

/** New bytes under the key. */
export function putBytes(draft: State): void {
  const version = (draft[at.lastVersion] ?? 0) + 1;
  draft[at.lastVersion] = version;
  draft[at.live] = version;
}

export function add(draft: State, position: number, amount: number): void {
  draft[position] = (draft[position] ?? 0) + amount;
}
