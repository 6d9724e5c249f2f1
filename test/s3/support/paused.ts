/** A worker of the collector that is a process, and stops on its way. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { StoreConfig } from "../../../src/store/contract.ts";

export interface Paused {
  /** What it says next. @throws when it has ended. */
  line(): Promise<unknown>;
  goOn(): void;
  end(): Promise<void>;
}

/** `where`: a named point, or `signed`: when its DELETE is signed and not yet sent. It has claims of two seconds. */
export function startPaused(url: string, config: StoreConfig, where: string): Paused {
  const script = join(import.meta.dirname, "paused-worker.ts");
  const args = ["--no-warnings", script, url, JSON.stringify(config), "2000", where];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    line: async () => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error("The worker has ended.");
      return JSON.parse(value);
    },
    goOn: () => void child.kill("SIGCONT"),
    end: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
