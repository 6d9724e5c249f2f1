/** Holdfast as users run it, with an embedded PostgreSQL and a file store, for the benchmark of codecs. */

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

export interface Service {
  readonly databaseUrl: string;
  readonly stores: Readonly<Record<string, unknown>>;
  /** Asks the entity API for what must succeed. */
  ask<Data>(query: string, variables: object): Promise<Data>;
  close(): Promise<void>;
}

export async function startService(folder: string): Promise<Service> {
  const location = join(folder, "main");
  mkdirSync(location);
  const stores = { default: "main", main: { protocol: "file", location } };
  const data = join(folder, "data");
  const schema = join(import.meta.dirname, "schema.graphql");
  const env = { NODE_ENV: "production", LOG_LEVEL: "warn", DATABASE_URL: "", PGHOST: "" };
  const child = spawn(
    process.execPath,
    [
      join(root, "dist/src/cli/holdfast.js"),
      "start",
      "--schema",
      schema,
      "--data",
      data,
      "--port",
      "0",
      "--no-sample",
    ],
    {
      env: { ...process.env, ...env, DJ_STORES: JSON.stringify(stores) },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const url = await new Promise<string>((done, failed) => {
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8");
      const line = said.split("\n").find((each) => each.includes('"event":"ready"'));
      if (line !== undefined) done(String(JSON.parse(line).url));
    });
    child.once("exit", (code) => failed(new Error(`Holdfast ended with ${code}.`)));
  });
  const { databaseUrl } = JSON.parse(readFileSync(join(data, "server.json"), "utf8"));
  return {
    databaseUrl: String(databaseUrl),
    stores,
    ask: (query, variables) => ask(url, query, variables),
    close: async () => {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function ask<Data>(url: string, query: string, variables: object): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const answer: { data?: Data; errors?: unknown } = JSON.parse(await response.text());
  if (answer.errors !== undefined || answer.data === undefined)
    throw new Error(JSON.stringify(answer.errors).slice(0, 2000));
  return answer.data;
}
