/**
 * Explicit-state model of the object life cycle: one physical key, which foreign writers can write again.
 *
 * One SQL transaction is one action (`test/race` shows on a real PostgreSQL that they are atomic enough); every storage call is an
 * action of its own. Leases, claims and grace may run out at any moment, writers and workers may crash anywhere, DELETEs may land at
 * any later time. There is no grace period at all: it is for people, backups and foreign writers, no safety rests on it.
 */

import { reviver } from "./care.ts";
import { caretakers, collector, restore, storeAndPurge, workers } from "./collector.ts";
import type { Rules } from "./rules.ts";
import { foreign, Situation, setObject, tombstone, writing } from "./situation.ts";
import { at, IntList, type State, StateSet, stateBytes } from "./state.ts";
import { foreignWriter, leaseAndReaper, rowDeletes, serviceWriters } from "./writers.ts";

/** What must not, or only transiently, be seen. */
type Violation =
  | "dangling"
  | "LOSS"
  | "foreign dangling"
  | "object beside an undrained tombstone"
  | "leak"
  | "CAP";

/** Result of exploring one set of rules. */
export interface Exploration {
  readonly states: number;
  /** The shortest way to each violation. */
  readonly violations: ReadonlyMap<string, readonly string[]>;
}

/** A foreign row may miss its bytes for a while, as long as they can be healed. */
export const tolerated: ReadonlySet<string> = new Set<Violation>(["foreign dangling"]);

const actions = [
  serviceWriters,
  leaseAndReaper,
  rowDeletes,
  collector,
  workers,
  storeAndPurge,
  foreignWriter,
  caretakers,
  reviver,
  restore,
];

/** Visits every reachable state; `stopAtFirst`: until something is wrong. */
export function explore(rules: Rules, options: { readonly stopAtFirst?: boolean } = {}): Exploration {
  const exploration = new Explorer(rules);
  const stopped = exploration.visitAll(options.stopAtFirst ?? false);
  if (!stopped) exploration.findLeak();
  return exploration.result();
}

const stateLimit = 3_000_000;

class Explorer {
  readonly #rules: Rules;
  readonly #set = new StateSet();
  readonly #state: State = new Uint8Array(stateBytes);
  readonly #situation: Situation;
  readonly #parents = new IntList();
  readonly #labels: string[] = [];
  /** Every step, as two numbers: from, to. */
  readonly #steps = new IntList();
  readonly #violations = new Map<string, number>();
  #current = -1;

  constructor(rules: Rules) {
    this.#rules = rules;
    this.#situation = new Situation(
      rules,
      { state: this.#state, draft: this.#set.draft },
      { arrive: (label) => this.#arrive(label), violated: (what) => this.#violated(what) },
    );
    this.#set.draft.set(initialState(rules));
    this.#arrive("");
  }

  /** True when it stopped early, or must not look for leaks. */
  visitAll(stopAtFirst: boolean): boolean {
    for (let index = 0; index < this.#set.size; index++) {
      if (stopAtFirst && [...this.#violations.keys()].some((what) => !tolerated.has(what))) break;
      this.#current = index;
      this.#set.read(index, this.#state);
      this.#inspect();
      for (const action of actions) action(this.#situation);
      if (this.#set.size > stateLimit) {
        this.#violated("CAP");
        break;
      }
    }
    return stopAtFirst && this.#violations.size > 0;
  }

  #arrive(label: string): void {
    const known = this.#set.size;
    const index = this.#set.intern();
    if (this.#current >= 0) {
      this.#steps.push(this.#current);
      this.#steps.push(index);
    }
    if (index < known) return;
    this.#parents.push(this.#current);
    this.#labels.push(label);
  }

  #violated(what: string): void {
    if (!this.#violations.has(what)) this.#violations.set(what, this.#current);
  }

  #inspect(): void {
    const s = this.#situation;
    if (!s.has(at.live)) {
      if (s.has(at.refs) && !s.has(at.paused)) this.#violated("dangling");
      if ((s.has(at.refs) || s.has(at.foreignRef)) && !s.has(at.trash)) this.#violated("LOSS");
      if (s.has(at.foreignRef) && !s.has(at.paused)) this.#violated("foreign dangling");
    }
    if (s.has(at.gen) && s.anyTomb(tombstone.queued, tombstone.claimed)) {
      this.#violated("object beside an undrained tombstone");
    }
  }

  /** Every state with no rows and no writer left must be able to become completely clean. */
  findLeak(): void {
    const cleanable = this.#cleanable();
    for (let index = 0; index < this.#set.size; index++) {
      if (cleanable[index] === 1) continue;
      this.#set.read(index, this.#state);
      if (!this.#finished()) continue;
      this.#violations.set("leak", index);
      return;
    }
  }

  #finished(): boolean {
    const s = this.#situation;
    const idle = [0, 1].every(
      (writer) => writer >= this.#rules.writers || s.get(at.writer + writer) === writing.done,
    );
    const roomLeft = s.room && s.get(at.lastVersion) < 4;
    const noRows = !s.has(at.refs) && !s.has(at.foreignRef);
    return (
      noRows &&
      idle &&
      s.get(at.foreign) > 7 &&
      roomLeft &&
      (!this.#rules.restores || s.get(at.snapshot) === 1)
    );
  }

  /** States from which a completely clean one can be reached: backwards from the clean ones. */
  #cleanable(): Uint8Array {
    const { starts, sources } = this.#reversed();
    const reached = new Uint8Array(this.#set.size);
    const queue = new IntList();
    for (let index = 0; index < this.#set.size; index++) {
      this.#set.read(index, this.#state);
      if (!this.#clean()) continue;
      reached[index] = 1;
      queue.push(index);
    }
    for (let next = 0; next < queue.length; next++) {
      const state = queue.at(next);
      for (let edge = starts[state] ?? 0; edge < (starts[state + 1] ?? 0); edge++) {
        const source = sources[edge] ?? 0;
        if (reached[source] === 1) continue;
        reached[source] = 1;
        queue.push(source);
      }
    }
    return reached;
  }

  #clean(): boolean {
    const places = [
      at.gen,
      at.hold,
      at.refs,
      at.foreignRef,
      at.uploadOwner,
      at.tombs,
      at.trash,
      at.live,
      at.inFlight,
    ];
    return !places.some((place) => this.#situation.has(place));
  }

  #reversed(): { starts: Int32Array; sources: Int32Array } {
    const starts = new Int32Array(this.#set.size + 2);
    for (let edge = 1; edge < this.#steps.length; edge += 2) {
      const target = this.#steps.at(edge) + 2;
      starts[target] = (starts[target] ?? 0) + 1;
    }
    for (let index = 1; index < starts.length; index++)
      starts[index] = (starts[index] ?? 0) + (starts[index - 1] ?? 0);
    const sources = new Int32Array(this.#steps.length / 2);
    for (let edge = 0; edge < this.#steps.length; edge += 2) {
      const target = this.#steps.at(edge + 1) + 1;
      const place = starts[target] ?? 0;
      sources[place] = this.#steps.at(edge);
      starts[target] = place + 1;
    }
    return { starts, sources };
  }

  result(): Exploration {
    const violations = new Map(
      [...this.#violations].map(([what, index]) => [what, this.#wayTo(index)] as const),
    );
    return { states: this.#set.size, violations };
  }

  #wayTo(index: number): string[] {
    const labels: string[] = [];
    for (let state = index; this.#parents.at(state) >= 0; state = this.#parents.at(state)) {
      labels.push(this.#labels[state] ?? "");
    }
    return labels.reverse();
  }
}

function initialState(rules: Rules): State {
  const state = new Uint8Array(stateBytes);
  if (!rules.empty) {
    setObject(state, 1, 1, 0);
    for (const place of [at.hold, at.refs, at.live, at.lastGen, at.lastVersion]) state[place] = 1;
  }
  state.fill(writing.idle, at.writer, at.writer + rules.writers);
  state[at.deletes] = rules.deletes;
  state[at.foreign] = rules.foreignWriter ? foreign.start : foreign.absent;
  state[at.crashes] = rules.crashes;
  state[at.revives] = rules.revives;
  return state;
}
