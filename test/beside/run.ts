/**
 * DataJoint-Python 2.3.5 beside the collector: `npm run test:beside -- [SECONDS] [SEED] [FILE]`; 600 seconds and a seed of the moment unless
 * given. Then the control for a tenth of that: DataJoint's own collector in place of ours, which must lose data. Writes both as JSON to FILE; ends
 * with 1 when anything was not as promised.
 */

import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { installPeer } from "../interop/python.ts";
import { buildService } from "../s3/support/suite.ts";
import { beside } from "./beside.ts";
import { problemsOf, summaryOf } from "./judge.ts";

const [seconds = "600", seed = String(randomInt(2 ** 31)), file] = process.argv.slice(2);
if (!(Number(seconds) > 0) || !Number.isInteger(Number(seed))) {
  process.stderr.write("Usage: npm run test:beside -- [seconds] [seed] [file]\n");
  process.exit(2);
}
const say = (line: string): void => void process.stderr.write(`${line}\n`);
installPeer();
buildService();
const result = await beside({ seed: Number(seed), seconds: Number(seconds), collector: "holdfast", say });
process.stdout.write(summaryOf(result));
const control = await beside({
  seed: Number(seed),
  seconds: Math.max(15, Math.round(Number(seconds) / 10)),
  collector: "datajoint",
  say,
});
process.stdout.write(summaryOf(control));
if (file !== undefined) writeFileSync(file, `${JSON.stringify({ result, control }, null, 2)}\n`);
const problems = problemsOf(result);
for (const problem of problems) process.stdout.write(`FAIL  ${problem}\n`);
process.stdout.write(`${problems.length === 0 ? "1 passed, 0 failed" : "0 passed, 1 failed"}\n`);
process.exit(problems.length === 0 ? 0 : 1);
