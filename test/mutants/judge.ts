/**
 * The suites that need no vitest, each as a process of its own: `node --import ./hook.ts judge.ts runs|drill`, with the URL of a server in
 * `HOLDFAST_TEST_POSTGRES`. Writes one line of JSON, `{"broken": …}` with what was broken, or without when nothing was.
 */

import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { drill } from "../collector/drill/drill.ts";
import { playRuns } from "../collector/proof/runs.ts";
import { World } from "../collector/proof/world.ts";

const seed = 20_261_121;
const [what] = process.argv.slice(2);

async function runs(): Promise<string | undefined> {
  const server = new URL(process.env["HOLDFAST_TEST_POSTGRES"] ?? "");
  const name = `mutant_${randomBytes(6).toString("hex")}`;
  const client = new Client({ connectionString: server.href });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  const location = await mkdtemp(join(tmpdir(), "holdfast-mutant-"));
  try {
    const main = join(location, "main");
    await mkdir(main);
    const url = Object.assign(new URL(server), { pathname: `/${name}` });
    const world = await World.make(url.href, { default: "main", main: { protocol: "file", location: main } });
    const limits = { runs: 100, seed, seconds: 300, isBrief: true };
    const { failure, tally } = await playRuns(world, limits);
    await world.close();
    if (failure === undefined && tally.get("collect") < 20)
      throw new Error("Too little was played to judge.");
    return failure;
  } finally {
    await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await client.end();
    await rm(location, { recursive: true, force: true });
  }
}

async function drilled(): Promise<string | undefined> {
  const result = await drill({ seed, kills: 40, seconds: 150, loadSeconds: 25 });
  if (result.acknowledged < 10) throw new Error("Too little was acknowledged to judge.");
  const { lost, dangling, leaked, wrong } = result;
  return [...lost, ...dangling, ...leaked, ...wrong][0];
}

const broken = await (what === "drill" ? drilled() : runs());
process.stdout.write(`${JSON.stringify({ broken })}\n`);
// The dead of a run may still hold on to something.
process.exit(0);
