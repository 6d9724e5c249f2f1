/** What `adopt` and its undoing tell: of each table what there is, what is to be done, what was done, and what is in the way. */

import type { FaultPoints } from "../object/fault-points.ts";
import type { Stores } from "../store/contract.ts";

/** How far a column is. `begun`: some of it is there, and it goes on from there. */
export type ColumnState = "adopted" | "begun" | "not adopted";

/** Something that keeps a table or column from being adopted. */
export interface Obstacle {
  /** `schema.table` or `schema.table.column`. */
  readonly subject: string;
  readonly message: string;
  readonly remedy: string;
}

/** One row whose value cannot be followed, or whose bytes are not there. */
export interface RowProblem {
  /** Of the row, as text, in key order. */
  readonly key: Readonly<Record<string, string>>;
  /** The value as it is in the row, shortened. */
  readonly value: string;
  readonly message: string;
}

/** One column with values in a store. */
export interface ColumnReport {
  readonly column: string;
  /** As in the comment: `<npy@main>`. */
  readonly spec: string;
  /** The store of values that name none; absent where there is no default store. */
  readonly store?: string;
  /** References to files of the users' own get a CHECK, and nothing else. */
  readonly kind: "objects" | "files";
  readonly state: ColumnState;
  /** What is missing of it, in the order in which it is made. */
  readonly steps: readonly string[];
  /** Rows with a value; absent where nobody has looked, because it is adopted or cannot be. */
  readonly values?: string;
  /** Values that cannot be followed: all of them counted, some of them named. */
  readonly wrong: Findings;
  /** Rows whose bytes are not in their store; absent where nobody has looked. */
  readonly missing?: Findings;
}

/** Rows that were found: the first of them by name. */
export interface Findings {
  readonly count: number;
  readonly rows: readonly RowProblem[];
}

/** One table. */
export interface TableReport {
  readonly schema: string;
  readonly table: string;
  /** PostgreSQL's estimate; -1 where it has none. */
  readonly estimatedRows: number;
  readonly bytes: string;
  /** Whether the table is written anew, during which nobody reads or writes it. */
  readonly isRewritten: boolean;
  /** How long that is expected to take. */
  readonly expectedLockMs: number;
  readonly columns: readonly ColumnReport[];
  readonly obstacles: readonly Obstacle[];
  /** Of a run: what it did here. */
  readonly done: readonly string[];
}

/** What `adopt` has found, and done. */
export interface AdoptReport {
  readonly applied: boolean;
  readonly schemas: readonly string[];
  readonly tables: readonly TableReport[];
  /** What is told and stops nothing. */
  readonly notes: readonly string[];
}

/** How far the work is, for people. */
export type OnStep = (step: string) => void;

/** How `adopt` works. */
export interface AdoptOptions {
  readonly schemas: readonly string[];
  /** Stores as they are configured. */
  readonly stores: Stores;
  /** Whether the bytes of values are looked for. */
  readonly looksAtBytes: boolean;
  readonly signal: AbortSignal;
  readonly onStep: OnStep;
}

/** How `adopt` changes tables. */
export interface ApplyOptions extends AdoptOptions {
  /** The longest that a table may be locked while it is written anew. */
  readonly maxLockMs: number;
  /** How long locks that others hold are waited for, all tries of a step together. */
  readonly patienceMs: number;
  readonly faults: FaultPoints;
}
