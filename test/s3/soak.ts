/**
 * The soak drill: `npm run test:soak [minutes] [seed]`, 10 minutes unless told. Writes its result as JSON into `.cache/soak.json` and on
 * standard output; ends with 1 when anything was not as promised. Needs Go, once, for the S3 server.
 */

import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { soak } from "./support/soak.ts";
import { versitygw } from "./support/sources.ts";
import { buildService, install } from "./support/suite.ts";

const [minutes = "10", seed = String(randomInt(2 ** 31))] = process.argv.slice(2);
const seconds = Number(minutes) * 60;
if (!(seconds > 0) || !Number.isInteger(Number(seed))) {
  process.stderr.write("Usage: npm run test:soak [minutes] [seed]\n");
  process.exit(2);
}
process.env["HOLDFAST_TEST_S3"] = `${versitygw.name}:${install(versitygw)}`;
buildService();
process.stdout.write(`seed ${seed}\n`);
const result = await soak({
  seconds,
  seed: Number(seed),
  say: (line) => void process.stdout.write(`${line}\n`),
});
const text = JSON.stringify(result, null, 2);
writeFileSync(join(resolve(import.meta.dirname, "../.."), ".cache", "soak.json"), `${text}\n`);
process.stdout.write(`${text}\n`);
process.exit(result.wrong.length === 0 && result.rows.acknowledged > 0 ? 0 : 1);
