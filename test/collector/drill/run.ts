/**
 * The long drill: `npm run test:drill -- [KILLS] [SEED] [FILE]`; 2,000 deaths and a seed of the moment unless given. From 2,000 on it is
 * a full one, in which at least 10 processes die at every point, and 100 are stopped and go on. Runs the control too, which must lose data.
 * Writes the result as JSON to FILE after each rest, or to standard output; ends with 1 when anything was not as promised.
 */

import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { type DrillResult, drill } from "./drill.ts";

const [kills = "2000", seed = String(randomInt(2 ** 31)), file] = process.argv.slice(2);
if (!(Number(kills) > 0) || !Number.isInteger(Number(seed))) {
  process.stderr.write("Usage: npm run test:drill -- [kills] [seed] [file]\n");
  process.exit(2);
}
const isFull = Number(kills) >= 2000;
const least = isFull ? 10 : 0;
const stops = isFull ? 100 : 0;
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const control = await drill({
  seed: Number(seed),
  kills: 60,
  seconds: 60,
  loadSeconds: 8,
  isControl: true,
  say,
});
const write = (result: DrillResult): void => {
  if (file !== undefined) writeFileSync(file, `${JSON.stringify({ result, control }, null, 2)}\n`);
};
const result = await drill({
  seed: Number(seed),
  kills: Number(kills),
  least,
  stops,
  seconds: 7200,
  say,
  keep: write,
});
write(result);
if (file === undefined) process.stdout.write(`${JSON.stringify({ result, control }, null, 2)}\n`);
const wrong = [result.lost, result.dangling, result.leaked, result.wrong].flat();
const short = Object.entries(result.hits).filter(([, times]) => times < least);
const stopped = Object.values(result.stops).reduce((sum, times) => sum + times, 0);
const isCaught = control.lost.length + control.dangling.length > 0;
for (const line of wrong) say(line);
for (const [point, times] of short) say(`Only ${times} died at ${point}.`);
if (stopped < stops) say(`Only ${stopped} were stopped and went on.`);
if (!isCaught) say("The control has lost nothing.");
process.exit(wrong.length + short.length === 0 && stopped >= stops && isCaught ? 0 : 1);
