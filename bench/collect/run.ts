/**
 * The collector on a file store of 100,000 and of 1,000,000 objects with 5 % garbage, each step in a process of its own, then the same store
 * with as much garbage collected by DataJoint's own collector. `npm run bench:collect [-- --objects 20000,100000] [-- --peer 100000] [-- --quick]`;
 * a whole run writes `figures.json` and the tables of `docs/reference/performance.md`. Linux only.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { startEmbedded } from "../../src/db/embedded.ts";
import { installPeer, python } from "../../test/interop/python.ts";
import { fill, spoil } from "./ground.ts";
import { garbageOf } from "./layout.ts";
import { measured } from "./process.ts";
import { type Figures, type Phase, print, type Size, write } from "./report.ts";

const { values: asked } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    objects: { type: "string" },
    peer: { type: "string" },
    folder: { type: "string" },
  },
});
const numbersOf = (text: string): number[] =>
  text
    .split(",")
    .map(Number)
    .filter((number) => number > 0);
const sizes = numbersOf(asked.objects ?? (asked.quick ? "5000,20000" : "100000,1000000"));
const peerSizes = new Set(asked.peer === undefined ? sizes : numbersOf(asked.peer));
const root = resolve(import.meta.dirname, "../..");
const command = join(root, "dist/src/cli/holdfast.js");

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** One store with its database. */
interface Place {
  readonly folder: string;
  readonly location: string;
  readonly url: string;
  readonly database: PostgresDatabase;
}

function holdfast(place: Place, args: readonly string[], codes?: readonly number[]) {
  const stores = { default: "main", main: { protocol: "file", location: place.location } };
  const options = [
    "--schema",
    join(import.meta.dirname, "schema.graphql"),
    "--data",
    join(place.folder, "data"),
  ];
  return measured(process.execPath, ["--no-warnings", command, ...options, ...args], {
    env: {
      NODE_ENV: "production",
      LOG_LEVEL: "warn",
      DATABASE_URL: place.url,
      DJ_STORES: JSON.stringify(stores),
    },
    ...(codes !== undefined && { codes }),
  });
}

async function measure(server: string, count: number, base: string): Promise<Size> {
  const folder = join(base, String(count));
  const location = join(folder, "store");
  mkdirSync(location, { recursive: true });
  const name = `objects_${count}`;
  const admin = await connect(server);
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.close();
  const url = new URL(server);
  url.pathname = `/${name}`;
  const database = await connect(url.href);
  const place: Place = { folder, location, url: url.href, database };
  try {
    return await collected(place, count);
  } finally {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function collected(place: Place, count: number): Promise<Size> {
  const { database, location } = place;
  const begin = performance.now();
  await holdfast(place, ["apply"]);
  await fill(database, location, count);
  await holdfast(place, ["stores", "policy", "main", "--mode", "on", "--grace", "0s", "--keep", "0s"]);
  say(`${count} objects written in ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  const idle = await holdfast(place, ["stores", "list"]);
  // What it has adopted it tells as found: not an error.
  const fsck = await holdfast(place, ["--json", "fsck", "--apply"]);
  say(`fsck ${fsck.seconds.toFixed(1)} s, ${fsck.peakMib} MiB`);
  const gc = await holdfast(place, ["--json", "gc", "--apply", "--confirm"]);
  say(`gc ${gc.seconds.toFixed(1)} s, ${gc.peakMib} MiB`);
  const phases = await phasesOf(database);
  const garbage = garbageOf(count);
  await expectClean(place, count, phases);
  // Of one store it is enough: it shows that nothing was spoiled.
  const after = count === sizes[0] ? await holdfast(place, ["--json", "fsck"]) : undefined;
  const peer = peerSizes.has(count) ? await collectedByPeer(place, count) : undefined;
  return {
    objects: count,
    garbage,
    idle,
    fsck,
    gc,
    phases,
    ...(after !== undefined && { after }),
    ...(peer !== undefined && { peer }),
  };
}

/** From the audit, where every step has left a line for each object: what came when. */
async function phasesOf(database: PostgresDatabase): Promise<readonly Phase[]> {
  const { rows } = await database.query<Phase>(
    `WITH last AS (SELECT max(id) AS id FROM holdfast.collector_run WHERE kind = 'COLLECT'),
       step AS (SELECT a.step, min(a.at) AS begin, max(a.at) AS ended, count(*)::float8 AS count
         FROM holdfast.audit a JOIN last ON a.run = last.id WHERE a.locator IS NOT NULL GROUP BY a.step)
     SELECT step, count, extract(epoch FROM ended - coalesce(lag(ended) OVER (ORDER BY ended), begin))::float8 AS seconds
     FROM step ORDER BY ended`,
  );
  return rows;
}

/** A figure of a collector that did not do its work is none. */
async function expectClean({ database }: Place, count: number, phases: readonly Phase[]): Promise<void> {
  const { rows } = await database.query<{ objects: number; tombstones: number }>(
    `SELECT (SELECT count(*)::float8 FROM holdfast.object) AS objects, (SELECT count(*)::float8 FROM holdfast.tombstone) AS tombstones`,
  );
  const { objects, tombstones } = rows[0] ?? {};
  if (objects !== count - garbageOf(count) || tombstones !== 0)
    throw new Error(`${objects} objects and ${tombstones} tombstones are left of ${count}.`);
  for (const step of ["kill", "hide", "purge"]) {
    const done = phases.find((phase) => phase.step === step)?.count;
    if (done !== garbageOf(count)) throw new Error(`${step} was done to ${done} objects.`);
  }
}

async function collectedByPeer({ url, location }: Place, count: number): Promise<NonNullable<Size["peer"]>> {
  const garbage = spoil(location, count);
  const { out, ...usage } = await measured(
    python,
    [join(import.meta.dirname, "peer.py"), url, "bench", location],
    {
      env: { PYTHONWARNINGS: "ignore" },
    },
  );
  const report: Readonly<Record<string, unknown>> = JSON.parse(out);
  const { deleted, errors, scan_errors: failed, seconds } = report;
  // It counts the files of a folder, not folders.
  if (typeof deleted !== "number" || deleted < garbage || errors !== 0 || JSON.stringify(failed) !== "[]")
    throw new Error(`The peer did not collect ${garbage} objects: ${out}`);
  say(`peer ${usage.seconds.toFixed(1)} s, ${usage.peakMib} MiB`);
  return { ...usage, collectSeconds: Number(seconds), deletedFiles: deleted };
}

const base = mkdtempSync(join(asked.folder ?? tmpdir(), "holdfast-collect-"));
try {
  execFileSync(process.execPath, ["scripts/build.ts"], { cwd: root, stdio: "inherit" });
  if (peerSizes.size > 0) installPeer();
  const server = await startEmbedded({ folder: join(base, "postgres") });
  try {
    const found: Size[] = [];
    for (const count of sizes) found.push(await measure(server.url, count, base));
    const figures: Figures = { date: new Date().toISOString().slice(0, 10), sizes: found };
    print(figures);
    if (!asked.quick && asked.objects === undefined) await write(figures);
  } finally {
    await server.stop();
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
