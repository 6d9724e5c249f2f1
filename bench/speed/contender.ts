/** Contenders as processes of their own, pinned to one core. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { openSync } from "node:fs";
import { join } from "node:path";
import type { ContenderName } from "./workload.ts";

/** A running contender. */
export interface Contender {
  readonly name: ContenderName;
  readonly port: number;
  readonly path: string;
  /** Of the server itself: `taskset` becomes it. */
  readonly pid: number;
  stop(): Promise<void>;
}

const here = import.meta.dirname;
const programs: Readonly<Record<ContenderName, readonly string[]>> = {
  raw: [join(here, "contenders/raw.ts")],
  holdfast: [join(here, "../../dist/src/cli/holdfast.js"), "start", "--apply"],
  postgraphile: [join(here, "contenders/postgraphile.ts")],
  apollo: [join(here, "contenders/apollo.ts")],
};

/** Whether processes can be bound to cores here. */
export function canPin(): boolean {
  return spawnSync("taskset", ["-p", String(process.pid)], { stdio: "ignore" }).status === 0;
}

/** Binds a running process, with all its threads, to cores: `0`, or `2-7`. */
export function pin(pid: number, cores: string): void {
  spawnSync("taskset", ["-a", "-c", "-p", cores, String(pid)], { stdio: "ignore" });
}

/** Starts a contender and waits until it is ready. What it logs goes to `log`, as a service manager would keep it. */
export async function startContender(
  name: ContenderName,
  how: {
    readonly environment: NodeJS.ProcessEnv;
    readonly pinned: boolean;
    readonly log: string;
    readonly node?: readonly string[];
  },
): Promise<Contender> {
  const program = [...(how.node ?? []), ...programs[name], ...(name === "holdfast" ? ["--port", "0"] : [])];
  const command = how.pinned
    ? ["taskset", "-c", "0", process.execPath, ...program]
    : [process.execPath, ...program];
  const child = spawn(command[0] ?? "", command.slice(1), {
    env: { ...process.env, NODE_ENV: "production", ...how.environment },
    stdio: ["ignore", "pipe", openSync(how.log, "a")],
  });
  const url = await readyUrl(name, child);
  return {
    name,
    port: Number(new URL(url).port),
    path: name === "raw" ? "/" : name === "apollo" ? "/graphql" : "/graphql",
    pid: child.pid ?? 0,
    stop: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (child.exitCode !== null || !child.kill("SIGTERM")) return;
      const last = setTimeout(() => child.kill("SIGKILL"), 15_000);
      await ended;
      clearTimeout(last);
    },
  };
}

function readyUrl(name: ContenderName, child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8");
      for (const line of said.split("\n")) {
        if (!line.startsWith("{") || !line.includes('"event":"ready"')) continue;
        try {
          const { url }: { url?: unknown } = JSON.parse(line);
          resolve(String(url));
        } catch {
          // The line is not complete yet.
        }
      }
    });
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code}; ${said}`)));
  });
}
