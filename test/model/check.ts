/** Plays one run of the model and says what, if anything, is not as it must be. */

import { type Exploration, explore, tolerated } from "./integrity-model.ts";
import type { Run } from "./variants.ts";

/** What a run found, and why that is wrong; `problem` absent when all is as expected. */
export interface Verdict {
  readonly exploration: Exploration;
  readonly problem?: string;
}

export function check(run: Run): Verdict {
  const exploration = explore(run.rules, { stopAtFirst: run.allowed === undefined });
  const problem = problemOf(run, exploration);
  return problem === undefined ? { exploration } : { exploration, problem };
}

function problemOf(run: Run, { states, violations }: Exploration): string | undefined {
  const found = [...violations.keys()];
  if (run.allowed === undefined) {
    const caught = found.some((what) => !tolerated.has(what) && what !== "CAP");
    return caught ? undefined : "the mutant escapes";
  }
  const unexpected = found.filter((what) => !run.allowed?.includes(what));
  if (unexpected.length > 0) return `finds ${unexpected.join(", ")}`;
  if (states !== run.states) return `has ${states} states, not ${run.states}`;
  return undefined;
}
