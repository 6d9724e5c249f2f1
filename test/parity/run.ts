/**
 * The parity suite: `node test/parity/run.ts [seed] [count]`. Prints what was exercised, and exits 1 at the first difference, and also
 * when something was never exercised: a shorter run than 10,000 operations only says so.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../../src/db/embedded.ts";
import { compareAll } from "./suite.ts";
import { Tally } from "./tally.ts";
import { openWorld } from "./world.ts";

const [seed = 20_261_121, count = 10_000] = process.argv.slice(2).map(Number);
if (!Number.isSafeInteger(seed) || seed < 0 || !Number.isSafeInteger(count) || count < 1) {
  console.error("usage: node test/parity/run.ts [seed] [count], whole numbers both");
  process.exit(2);
}
const models = Math.max(Math.min(Math.ceil(count / 100), 1000), 1);
const folder = await mkdtemp(join(tmpdir(), "holdfast-parity-db-"));
const settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
const server = await startEmbedded({ folder, settings });
const tally = new Tally();
try {
  const world = await openWorld(server.url);
  try {
    const progress = (done: number): void => void process.stderr.write(`${done} of ${count} operations\n`);
    await compareAll(world, { seed, models, operations: count }, { tally, progress });
  } finally {
    await world.close();
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
for (const line of tally.lines) console.log(line);
for (const part of tally.skipped) console.log(`not compared, unknown to the oracle: ${part}`);
for (const part of tally.missing) console.log(`never exercised: ${part}`);
if (tally.missing.length > 0 && count >= 10_000) process.exitCode = 1;
console.log(
  `seed ${seed}: ${tally.operations} operations over ${tally.models} models, ${tally.writes} of them writes, ${tally.refused} refused on both sides, ` +
    `${tally.faulty} with errors at places, ${tally.unsure} hung on last digits of sums of floats: ` +
    `${process.exitCode === 1 ? "FAILED" : "0 differences"}`,
);
