/**
 * How long a newcomer waits: first start (a database is made, the sample laboratory is loaded) and second start, from the command to the
 * line that says it is ready. Limits: 15 s and 5 s. `node bench/start.ts [repeats]`
 */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const command = resolve(import.meta.dirname, "../dist/src/cli/holdfast.js");
const repeats = Number(process.argv[2] ?? 5);
const limits = { first: 15, second: 5, afterKill: 5 } as const;

async function start(data: string, end: NodeJS.Signals): Promise<number> {
  const begin = performance.now();
  const env = { ...process.env, DATABASE_URL: "", PGHOST: "" };
  const child = spawn(process.execPath, [command, "start", "--data", data, "--port", "0"], { env });
  const ended = new Promise((done) => child.once("exit", done));
  let out = "";
  await new Promise<void>((done, failed) => {
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString("utf8");
      if (out.includes('"event":"ready"')) done();
    });
    child.once("exit", (code) => failed(new Error(`exit ${code}`)));
  });
  const seconds = (performance.now() - begin) / 1000;
  child.kill(end);
  await ended;
  return seconds;
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const times: Record<keyof typeof limits, number[]> = { first: [], second: [], afterKill: [] };
for (let i = 0; i < repeats; i++) {
  const data = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  times.first.push(await start(data, "SIGINT"));
  times.second.push(await start(data, "SIGKILL"));
  times.afterKill.push(await start(data, "SIGINT"));
  rmSync(data, { recursive: true, force: true });
}
for (const [name, limit] of Object.entries(limits)) {
  // The keys of limits are those of times.
  const values = times[name as keyof typeof limits];
  const shown = `${median(values).toFixed(2)} s (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}, n=${values.length})`;
  process.stdout.write(
    `${name.padEnd(10)} ${shown}, ${(median(values) / limit).toFixed(2)} of the limit of ${limit} s\n`,
  );
}
