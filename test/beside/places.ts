/** Where it happens: one database, a file store and, where its server can be had, an S3 store; a service, and a second one that collects. */

import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { type RunningService, startHoldfast } from "../acceptance/support/process.ts";
import { type S3Server, startS3, storeOn } from "../s3/support/server.ts";
import { versitygw } from "../s3/support/sources.ts";
import { find } from "../s3/support/suite.ts";

export interface Places {
  readonly folder: string;
  /** Of the stores' configuration, as the peer reads it. */
  readonly configFile: string;
  readonly databaseUrl: string;
  readonly db: Client;
  /** Names of the stores, and where their bytes lie on the disk. */
  readonly stores: ReadonlyMap<string, string>;
  /** Tables of the schema and the store of each. */
  readonly tables: ReadonlyMap<string, string>;
  /** Serves the API, and checks the stores. */
  readonly service: RunningService;
  /** Collects. */
  readonly collector: RunningService;
  close(): Promise<void>;
}

export async function openPlaces(): Promise<Places> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-beside-"));
  const closing: (() => Promise<unknown> | unknown)[] = [
    () => rmSync(folder, { recursive: true, force: true }),
  ];
  const close = async (): Promise<void> => {
    for (const one of closing.splice(0).reverse()) await one();
  };
  try {
    return await open(folder, closing, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  folder: string,
  closing: (() => Promise<unknown> | unknown)[],
  close: () => Promise<void>,
): Promise<Places> {
  const s3 = await startCloud();
  if (s3 !== undefined) closing.push(() => s3.close());
  const location = join(folder, "main");
  mkdirSync(location);
  const stores = new Map([["main", location]]);
  const tables = new Map([["item", "main"]]);
  const config: Record<string, unknown> = { default: "main", main: { protocol: "file", location } };
  if (s3 !== undefined) {
    const cloud = storeOn(s3, "lab");
    config["cloud"] = { protocol: cloud.protocol, location: cloud.location, ...cloud.driver };
    stores.set("cloud", join(s3.folder, "lab"));
    tables.set("cloud_item", "cloud");
  }
  const configFile = join(folder, "stores.json");
  writeFileSync(configFile, JSON.stringify(config));
  const env = { DJ_STORES: JSON.stringify(config), HOLDFAST_JOBS: "off" };
  const service = await start(folder, "data", tables, env);
  closing.push(() => service.end("SIGTERM"));
  const { databaseUrl } = JSON.parse(readFileSync(join(folder, "data/server.json"), "utf8")) as {
    databaseUrl: string;
  };
  const collector = await start(folder, "other", tables, { ...env, DATABASE_URL: databaseUrl });
  closing.push(() => collector.end("SIGTERM"));
  const db = new Client({ connectionString: databaseUrl });
  await db.connect();
  closing.push(() => db.end());
  return { folder, configFile, databaseUrl, db, stores, tables, service, collector, close };
}

async function startCloud(): Promise<S3Server | undefined> {
  const binary = find(versitygw);
  if (binary === undefined) return undefined;
  process.env["HOLDFAST_TEST_S3"] = `${versitygw.name}:${binary}`;
  return startS3();
}

function start(
  folder: string,
  data: string,
  tables: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string>>,
): Promise<RunningService> {
  const schema = join(folder, "schema.graphql");
  const source = join(import.meta.dirname, "schema.graphql");
  copyFileSync(source, schema);
  if (!tables.has("cloud_item")) {
    const text = readFileSync(source, "utf8");
    writeFileSync(schema, text.slice(0, text.indexOf('"The same on S3."')));
  }
  const args = ["--schema", schema, "--data", join(folder, data), "--port", "0", "--no-sample", "--no-watch"];
  return startHoldfast(args, { cwd: folder, env });
}

/** Paths of all files below `root`, from there. */
export function filesIn(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

/** Asks the system API for what must succeed. @throws with its errors otherwise. */
export async function askSystem<Data>(url: string, query: string, variables: object = {}): Promise<Data> {
  const response = await fetch(`${url}/system/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data?: Data; errors?: unknown };
  if (errors !== undefined || data === undefined) throw new Error(JSON.stringify(errors));
  return data;
}
