/** What a service needs, looked at one by one. */

import { access, constants, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { postgresBinaries } from "../db/binaries.ts";
import type { Queryable } from "../db/contract.ts";
import { connect } from "../db/database.ts";
import { isServiceError } from "../errors.ts";
import { openStores } from "../store/open.ts";
import type { Settings } from "./settings.ts";
import { checkExtension } from "./start/check-extension.ts";
import { choosePort } from "./start/choose-port.ts";
import { loadModel, readStores } from "./start/load-model.ts";
import { databasePlace } from "./start/open-database.ts";
import { runningServer } from "./start/server-file.ts";

/** What one look found. */
export interface Finding {
  readonly check: string;
  readonly ok: boolean;
  readonly message: string;
}

type Check = readonly [name: string, run: (settings: Settings) => Promise<string>];

const leastFreeBytes = 1024 ** 3;

const checks: readonly Check[] = [
  ["node", async () => `${process.version}`],
  [
    "schema file",
    async (settings) =>
      `${(await loadModel(settings)).model.entities.length} tables in ${settings.schemaPath}`,
  ],
  ["extension", extension],
  ["data folder", dataFolder],
  ["stores", stores],
  ["database", database],
  ["clock", clock],
  ["server", server],
];

/** Looks at everything; none throws. */
export async function checkUp(settings: Settings): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [check, run] of checks) findings.push(await find(check, () => run(settings)));
  return findings;
}

async function find(check: string, run: () => Promise<string>): Promise<Finding> {
  try {
    return { check, ok: true, message: await run() };
  } catch (error) {
    if (!isServiceError(error))
      return { check, ok: false, message: error instanceof Error ? error.message : String(error) };
    const { remedy } = error.details;
    const isTold = remedy === undefined || error.message.includes(remedy);
    return { check, ok: false, message: isTold ? error.message : `${error.message} ${remedy}` };
  }
}

async function extension(settings: Settings): Promise<string> {
  const checked = await checkExtension(settings, await loadModel(settings));
  return checked?.file ?? "none";
}

async function dataFolder({ dataFolder: folder }: Settings): Promise<string> {
  const at = await firstThatExists(folder);
  await access(at, constants.W_OK);
  const { bavail, bsize } = await statfs(at);
  const free = bavail * bsize;
  if (free < leastFreeBytes) throw new Error(`${folder} has ${free} bytes left; free some space.`);
  return `${folder}, ${Math.floor(free / 1024 ** 3)} GiB free`;
}

async function firstThatExists(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    const there = await access(at).then(
      () => true,
      () => false,
    );
    if (there || at === dirname(at)) return at;
  }
}

async function database(settings: Settings): Promise<string> {
  const running = await runningServer(settings.dataFolder);
  if (settings.databaseUrl === undefined) {
    if (running !== undefined)
      return `private PostgreSQL in ${running.database}, in use by the running server`;
    await postgresBinaries();
    return `private PostgreSQL in ${databasePlace(settings)}`;
  }
  return withDatabase(settings.databaseUrl, async (db) => {
    const { rows } = await db.query<{ version: string; recovering: boolean }>(
      "SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS recovering",
    );
    if (rows[0]?.recovering === true)
      throw new Error(`${databasePlace(settings)} is a standby; name its primary.`);
    return `PostgreSQL ${rows[0]?.version} at ${databasePlace(settings)}`;
  });
}

const clockToleranceMs = 5000;

/** Expiry of URLs and ages of objects are judged by clocks: ours and the database's must agree. */
async function clock({ databaseUrl }: Settings): Promise<string> {
  const here = new Date();
  if (here.getUTCFullYear() < 2025)
    throw new Error(`This machine says ${here.toISOString()}; set its clock.`);
  if (databaseUrl === undefined) return here.toISOString();
  const skewMs = await withDatabase(databaseUrl, async (db) => {
    const { rows } = await db.query<{ now: string }>(
      "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::text AS now",
    );
    return Math.round(Number(rows[0]?.now) - Date.now());
  });
  if (Math.abs(skewMs) > clockToleranceMs)
    throw new Error(`The database's clock is ${skewMs} ms off ours; set both by NTP.`);
  return `${here.toISOString()}, the database agrees`;
}

async function withDatabase<T>(url: string, work: (db: Queryable) => Promise<T>): Promise<T> {
  const db = await connect(url);
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

async function server(settings: Settings): Promise<string> {
  const running = await runningServer(settings.dataFolder);
  if (running !== undefined) return `${running.url} (process ${running.pid})`;
  const free = await choosePort({ ...settings, portGiven: false });
  if (settings.port === 0 || free === settings.port) return `none is running; port ${settings.port} is free`;
  if (!settings.portGiven) return `none is running; port ${settings.port} is taken, ${free} would be used`;
  throw new Error(`Port ${settings.port} is taken; end the other program, or set PORT to ${free}.`);
}

async function stores(settings: Settings): Promise<string> {
  const configs = await readStores(settings);
  const opened = await openStores(configs);
  for (const { driver } of opened.all.values()) await driver.probe();
  return `${[...opened.all.keys()].join(", ")} (from ${configs.source})`;
}
