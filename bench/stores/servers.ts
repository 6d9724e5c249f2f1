/** The servers of the benchmark: an S3 server, and Holdfast as users run it, with a store there and one on disk. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type S3Server, startS3 } from "../../test/s3/support/server.ts";

const root = resolve(import.meta.dirname, "../..");

/** Everything that runs. */
export interface Servers {
  readonly s3: S3Server;
  readonly url: string;
  /** Of Holdfast's process. */
  readonly pid: number;
  /** Asks the entity API for what must succeed. */
  ask<Data>(query: string, variables?: object): Promise<Data>;
  close(): Promise<void>;
}

/** Starts the servers in `folder`. @throws when the S3 server of the tests has not been built. */
export async function startServers(folder: string): Promise<Servers> {
  const binary = join(root, ".cache/versitygw-v1.8.0/versitygw");
  process.env["HOLDFAST_TEST_S3"] ??= `versitygw:${binary}`;
  if (!existsSync(process.env["HOLDFAST_TEST_S3"].slice("versitygw:".length)))
    throw new Error("The S3 server is missing; npm run test:s3 brings it.");
  const s3 = await startS3();
  mkdirSync(join(folder, "local"));
  const stores = {
    default: "local",
    filepath_default: "local",
    local: { protocol: "file", location: join(folder, "local") },
    remote: {
      protocol: "s3",
      endpoint: s3.endpoint,
      bucket: s3.bucket,
      location: "bench",
      access_key: s3.accessKey,
      secret_key: s3.secretKey,
    },
  };
  const { child, url } = await startHoldfast(folder, { DJ_STORES: JSON.stringify(stores) });
  return {
    s3,
    url,
    pid: child.pid ?? 0,
    ask: (query, variables) => ask(url, query, variables),
    close: async () => {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
      await s3.close();
    },
  };
}

async function startHoldfast(
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const args = ["--schema", join(import.meta.dirname, "schema.graphql"), "--data", join(folder, "data")];
  const child = spawn(
    process.execPath,
    [join(root, "dist/src/cli/holdfast.js"), "start", ...args, "--port", "0", "--no-sample"],
    {
      env: {
        ...process.env,
        NODE_ENV: "production",
        DATABASE_URL: "",
        PGHOST: "",
        LOG_LEVEL: "warn",
        ...env,
      },
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
  return { child, url };
}

async function ask<Data>(url: string, query: string, variables: object = {}): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const answer: { data?: Data; errors?: unknown } = JSON.parse(await response.text());
  if (answer.errors !== undefined || answer.data === undefined)
    throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}
