/** Whether a run was as promised, and what it was in a few lines. */

import type { BesideResult } from "./beside.ts";

/** What was not as promised; nothing where it was. A run that put nothing to the test is a problem too. */
export function problemsOf(result: BesideResult): readonly string[] {
  const { late, lost, leaked, wrong, healedSeconds, vanished, missing, killedAgain, reads, rows } = result;
  const problems = [
    ...late.map((one) => `missing for too long: ${one}`),
    ...lost.map((one) => `lost: ${one}`),
    ...leaked.map((one) => `leaked: ${one}`),
    ...wrong.map((one) => `wrong: ${one}`),
  ];
  if (healedSeconds.length + vanished + late.length !== missing)
    problems.push("a missing row was not followed to its end");
  if (killedAgain === 0) problems.push("no key died, came back and died again");
  if (reads === 0 || rows === 0) problems.push("nothing was read");
  return problems;
}

export function summaryOf(result: BesideResult): string {
  const { collector, stores, seconds, seed, inserted, deleted, killed, killedAgain, rounds } = result;
  const slowest = Math.max(0, ...result.healedSeconds);
  const done =
    collector === "holdfast"
      ? `${rounds.collects} collections and ${rounds.checks} checks killed ${killed} objects; ${killedAgain} keys more than once`
      : `its collector deleted ${result.deletedByPeer} files`;
  return `${collector}'s collector, ${seconds} s, stores ${stores.join(" and ")}, seed ${seed}:
  ${inserted} rows inserted, ${deleted} deleted, retries ${JSON.stringify(result.retries)}
  ${done}
  ${result.reads} rows read meanwhile: ${result.missing} missed bytes, ${result.healedSeconds.length} of them for ${slowest} s at most, ${result.vanished} until they were deleted, ${result.late.length} for longer than ${result.patienceSeconds} s
  in the end ${result.rows} rows: ${result.lost.length} lost, ${result.leaked.length} leaked, ${result.wrong.length} wrong
`;
}
