/** Runs the whole model: `node test/model/run.ts [-v]`; `-v` prints the shortest way to each violation. Exits 1 when a run is not as expected. */

import { check } from "./check.ts";
import { runs } from "./variants.ts";

const verbose = process.argv.includes("-v");
let failed = 0;
for (const run of runs) {
  const start = performance.now();
  const { exploration, problem } = check(run);
  if (problem !== undefined) failed++;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const found = [...exploration.violations.keys()].sort().join(", ") || "no violation";
  console.log(
    `${problem === undefined ? "ok  " : "FAIL"} ${run.name}: ${exploration.states} states, ${seconds} s: ${found}`,
  );
  if (problem !== undefined) console.log(`       ${problem}`);
  if (!verbose && problem === undefined) continue;
  for (const [what, way] of exploration.violations) console.log(`       ${what}: ${way.join(" > ")}`);
}
console.log(`${runs.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
