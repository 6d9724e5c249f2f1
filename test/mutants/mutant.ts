/** What a mutant is: the service without one of its precautions, as exact texts to be replaced in its sources. */

/** One text of one file, and what stands there in the mutant. */
export interface Change {
  /** Below `src/`. */
  readonly file: string;
  /** Must be in the file exactly once. */
  readonly from: string;
  readonly to: string;
}

/** A suite: a test file below `test/`, or one of the two that need more than a test file. */
export type Suite = `${string}.test.ts` | "model-based runs" | "drill";

export interface Mutant {
  readonly name: string;
  /** What it takes away, in words. */
  readonly lacks: string;
  /** `caught`: a suite must fail. `safe`: something else of the protocol holds, and none may. */
  readonly expected: "caught" | "safe";
  readonly changes: readonly Change[];
  /** That look for it, cheapest first. */
  readonly suites: readonly Suite[];
}

/** The suites that judge nothing but what has become of rows and bytes: for mutants that must stay safe. */
export const judges: readonly Suite[] = ["collector/safety.test.ts", "model-based runs", "drill"];

export function caught(
  name: string,
  lacks: string,
  changes: readonly Change[],
  ...suites: readonly Suite[]
): Mutant {
  return { name, lacks, expected: "caught", changes, suites };
}

export function safe(name: string, lacks: string, changes: readonly Change[]): Mutant {
  return { name, lacks, expected: "safe", changes, suites: judges };
}

export function change(file: string, from: string, to: string): Change {
  return { file, from, to };
}
