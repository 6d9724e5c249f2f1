/** A service as its user runs it: the built command in a process of its own. Nothing of `src` is imported. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");
const command = join(root, "dist/src/cli/holdfast.js");

/** Settings of the machine must not reach the service under test. */
const blank = {
  // vitest sets it, and libraries behave otherwise under it.
  NODE_ENV: "",
  DATABASE_URL: "",
  PGHOST: "",
  PORT: "",
  HOST: "",
  HOLDFAST_DATA: "",
  HOLDFAST_SCHEMA: "",
  HOLDFAST_TOKENS: "",
  HOLDFAST_TOKEN: "",
  DJ_STORES: "",
};

export type Environment = Readonly<Record<string, string>>;

/** Runs a command to its end. */
export function holdfast(
  args: readonly string[],
  options: { cwd?: string; env?: Environment } = {},
): { code: number | null; out: string; err: string } {
  const result = spawnSync(process.execPath, [command, ...args], {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...blank, ...options.env },
    encoding: "utf8",
    timeout: 60_000,
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

/** A running service. */
export interface RunningService {
  readonly url: string;
  readonly ready: Readonly<Record<string, unknown>>;
  readonly child: ChildProcess;
  /** Everything written to stderr so far. */
  log(): string;
  /** Ends it and answers the exit code, or null after a signal. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts the service and waits until it says that it is ready. @throws with its output when it ends before that. */
export async function startHoldfast(
  args: readonly string[],
  options: { cwd?: string; env?: Environment } = {},
): Promise<RunningService> {
  const child = spawn(process.execPath, [command, "start", ...args], {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...blank, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString("utf8");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString("utf8");
  });
  const ended = new Promise<number | null>((done) => child.once("exit", (code) => done(code)));
  for (let waited = 0; waited < 60_000 && child.exitCode === null; waited += 25) {
    const line = out.split("\n").find((text) => text.includes('"event":"ready"'));
    if (line !== undefined) {
      const ready = JSON.parse(line) as { url: string };
      const end = (signal: NodeJS.Signals) => {
        if (child.exitCode === null) child.kill(signal);
        return ended;
      };
      return { url: ready.url, ready, child, log: () => err, end };
    }
    await new Promise((done) => setTimeout(done, 25));
  }
  child.kill("SIGKILL");
  throw new Error(`exit ${child.exitCode}\n${out}\n${err}`);
}

/** An answer as GraphQL gives it. */
export interface Answer<Data> {
  readonly status: number;
  readonly data?: Data;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions: Readonly<Record<string, unknown>>;
  }[];
}

/** Sends one operation; the whole answer. */
export async function graphql<Data = Readonly<Record<string, unknown>>>(
  url: string,
  query: string,
  variables: object = {},
): Promise<Answer<Data>> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return { status: response.status, ...((await response.json()) as object) };
}
