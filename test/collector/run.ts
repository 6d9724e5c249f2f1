/**
 * Many random runs: `npm run test:collector -- RUNS SEED [PATH]`; 5,000 and a seed of the moment unless given. PATH, as a failure prints it,
 * plays one run again. Writes what has happened to standard output; ends with 1 when an invariant was broken.
 */

import { randomInt } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { startEmbedded } from "../../src/db/embedded.ts";
import { playRuns } from "./proof/runs.ts";
import { World } from "./proof/world.ts";

/** Removes what is left of folders whose files are gone. */
async function removeEmpty(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    await removeEmpty(path);
    if ((await readdir(path)).length === 0) await rmdir(path);
  }
}

const [runs = "5000", seed = String(randomInt(2 ** 31)), path] = process.argv.slice(2);
if (!Number.isInteger(Number(runs)) || !Number.isInteger(Number(seed))) {
  process.stderr.write("Usage: npm run test:collector -- [runs] [seed] [path]\n");
  process.exit(2);
}
const base = await mkdtemp(join(tmpdir(), "holdfast-collector-"));
const server = await startEmbedded({
  folder: join(base, "postgres"),
  settings: ["fsync=off", "synchronous_commit=off", "full_page_writes=off"],
});
const begin = performance.now();
try {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  await client.query("CREATE DATABASE runs");
  await client.end();
  const location = join(base, "main");
  await mkdir(location);
  const url = new URL(server.url);
  url.pathname = "/runs";
  const world = await World.make(url.href, { default: "main", main: { protocol: "file", location } });
  // The store keeps folders that are empty, and thousands of runs would leave more of them than a listing walks in their time.
  world.forget = () => removeEmpty(location);
  const say = (played: number): void => {
    if (played % 100 === 0) process.stderr.write(`${played} runs\n`);
  };
  const fail = (text: string): void => void process.stderr.write(`${text}\n`);
  const result = await playRuns(world, { runs: Number(runs), seed: Number(seed), path, say, fail });
  await world.close();
  const seconds = Math.round((performance.now() - begin) / 1000);
  const counts = Object.fromEntries([...result.tally.counts].sort());
  const outcome = {
    seed: Number(seed),
    runs: result.played,
    seconds,
    failed: result.failure !== undefined,
    counts,
  };
  process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
  if (result.failure !== undefined) process.stdout.write(`${result.failure}\n`);
  process.exitCode = result.failure === undefined ? 0 : 1;
} finally {
  await server.stop();
  await rm(base, { recursive: true, force: true });
}
