/** A state of the model as bytes, and the set of the states seen: flat memory and a hash table, so that a million states take seconds. */

/** Byte positions. A tombstone is (gen, state, worker + 1); a worker is (step, gen). */
export const at = {
  gen: 0,
  verified: 1,
  condemned: 2,
  hold: 3,
  refs: 4,
  foreignRef: 5,
  uploadOwner: 6,
  uploadExpired: 7,
  tombs: 8,
  tomb: 9,
  trash: 15,
  live: 16,
  lastGen: 17,
  lastVersion: 18,
  inFlight: 19,
  writer: 20,
  deletes: 22,
  worker: 23,
  foreign: 27,
  verifier: 28,
  crashes: 29,
  paused: 30,
  snapshot: 31,
  snapshotOf: 32,
  lister: 47,
  healer: 48,
  healGen: 49,
  reviver: 50,
  revives: 51,
} as const;

/** Bytes that a backup keeps: object, hold, rows, upload, tombstones; they lie together at the start. */
export const backedUp = 15;
const words = 13;
/** Size of a state. */
export const stateBytes = words * 4;
const bytes = stateBytes;

export type State = Uint8Array;

/** Every state reached, numbered in the order of discovery. */
export class StateSet {
  /** The state to be interned next. */
  readonly draft: State;
  readonly #draftWords: Uint32Array;
  #memory = new Uint32Array(words * 4096);
  #bytes = new Uint8Array(this.#memory.buffer);
  #table = new Int32Array(8192).fill(-1);
  size = 0;

  constructor() {
    this.#draftWords = new Uint32Array(words);
    this.draft = new Uint8Array(this.#draftWords.buffer);
  }

  /** Copies state `index` to `target`. */
  read(index: number, target: State): void {
    target.set(this.#bytes.subarray(index * bytes, (index + 1) * bytes));
  }

  /** Number of the draft; a new one equals the size before the call. */
  intern(): number {
    const mask = this.#table.length - 1;
    let slot = hash(this.#draftWords, 0) & mask;
    for (let found = this.#table[slot] ?? -1; found >= 0; found = this.#table[slot] ?? -1) {
      if (this.#equals(found)) return found;
      slot = (slot + 1) & mask;
    }
    const index = this.size++;
    if (this.size * words > this.#memory.length) this.#growMemory();
    this.#memory.set(this.#draftWords, index * words);
    this.#table[slot] = index;
    if (this.size * 2 > this.#table.length) this.#growTable();
    return index;
  }

  #equals(index: number): boolean {
    const start = index * words;
    for (let word = 0; word < words; word++) {
      if (this.#memory[start + word] !== this.#draftWords[word]) return false;
    }
    return true;
  }

  #growMemory(): void {
    const larger = new Uint32Array(this.#memory.length * 2);
    larger.set(this.#memory);
    this.#memory = larger;
    this.#bytes = new Uint8Array(larger.buffer);
  }

  #growTable(): void {
    const table = new Int32Array(this.#table.length * 2).fill(-1);
    const mask = table.length - 1;
    for (let index = 0; index < this.size; index++) {
      let slot = hash(this.#memory, index * words) & mask;
      while ((table[slot] ?? -1) >= 0) slot = (slot + 1) & mask;
      table[slot] = index;
    }
    this.#table = table;
  }
}

function hash(memory: Uint32Array, start: number): number {
  let value = 0x811c9dc5;
  for (let word = 0; word < words; word++) {
    value = Math.imul(value ^ (memory[start + word] ?? 0), 0x9e3779b1);
    value ^= value >>> 15;
  }
  return value >>> 0;
}

/** A growing list of integers. */
export class IntList {
  #items = new Int32Array(4096);
  length = 0;

  push(item: number): void {
    if (this.length === this.#items.length) {
      const larger = new Int32Array(this.#items.length * 2);
      larger.set(this.#items);
      this.#items = larger;
    }
    this.#items[this.length++] = item;
  }

  at(index: number): number {
    return this.#items[index] ?? 0;
  }
}
