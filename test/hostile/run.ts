/**
 * Every decoder against bytes that an enemy has written: files of a corpus, and damage of valid ones. Nothing may come of them but values
 * and typed errors, within the limits. `npm run test:hostile -- [RUNS] [SEED]`
 */

import { driveHostile } from "./drive.ts";

const runs = Number(process.argv[2] ?? 2000);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const begin = performance.now();
process.stdout.write(`${runs} runs, seed ${seed}\n`);
const report = driveHostile(runs, seed);
for (const [name, outcome] of Object.entries(report.corpus)) process.stdout.write(`  ${name}: ${outcome}\n`);
for (const [codec, counts] of Object.entries(report.totals))
  process.stdout.write(`${codec}: ${JSON.stringify(counts)}\n`);
const seconds = Math.round((performance.now() - begin) / 1000);
process.stdout.write(
  `memory ${Math.round(report.peakBytes / 2 ** 20)} MiB beyond idle, longest stall ${Math.round(report.stallMs)} ms, ${seconds} s\n`,
);
for (const fault of report.faults) process.stdout.write(`FAULT ${fault}\n`);
process.stdout.write(`${report.faults.length} faults\n`);
process.exitCode = report.faults.length === 0 ? 0 : 1;
