/** A step in a process of its own: how long it took, and the most memory that it had. */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { cpuMicroseconds } from "../speed/process-facts.ts";

const root = resolve(import.meta.dirname, "../..");
const sampleMs = 50;

/** What one process has used, itself, without the processes that it has started. */
export interface Usage {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Resident memory at its highest, MiB: `VmHWM` of Linux. */
  readonly peakMib: number;
}

/** What has ended. */
export interface Ended extends Usage {
  readonly out: string;
}

/** Runs a program to its end. @throws with what it has said where it ends with none of `codes`. */
export function measured(
  program: string,
  args: readonly string[],
  { env = {}, codes = [0] }: { readonly env?: NodeJS.ProcessEnv; readonly codes?: readonly number[] } = {},
): Promise<Ended> {
  const begin = performance.now();
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { out: "", wrong: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (said.wrong += chunk.toString("utf8")));
  let [peakMib, cpu] = [0, 0];
  const timer = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      peakMib = Math.max(peakMib, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
      cpu = Math.max(cpu, cpuMicroseconds(child.pid ?? 0));
    } catch {
      // It has ended.
    }
  }, sampleMs);
  return new Promise((done, failed) => {
    child.once("error", failed);
    child.once("close", (code) => {
      clearInterval(timer);
      const seconds = (performance.now() - begin) / 1000;
      if (code !== null && codes.includes(code))
        done({ seconds, cpuSeconds: cpu / 1e6, peakMib: Math.round(peakMib), out: said.out });
      else
        failed(
          new Error(
            `${args.join(" ")} ended with ${code}:\n${said.out.slice(-4000)}\n${said.wrong.slice(-4000)}`,
          ),
        );
    });
  });
}
