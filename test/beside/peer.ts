/** Processes of the peer, and what they say. */

import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { python } from "../interop/python.ts";
import type { Places } from "./places.ts";

/** One line of a process; what it has depends on the event. */
export interface Said {
  readonly event: string;
  readonly [name: string]: unknown;
}

/** Runs a process of the peer to its end. @throws with what it wrote to standard error when it fails. */
export async function runPeer(
  places: Places,
  mode: "write" | "sample" | "read" | "collect",
  options: Readonly<Record<string, number>>,
  hear: (said: Said) => void,
): Promise<void> {
  const args = [join(import.meta.dirname, "peer.py"), mode, "--dsn", places.databaseUrl];
  args.push("--stores", places.configFile);
  for (const [name, value] of Object.entries(options)) args.push(`--${name}`, String(value));
  const env = { ...process.env, DJ_IGNORE_CONFIG_FILE: "true", PYTHONWARNINGS: "ignore" };
  const child = spawn(python, args, { cwd: places.folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => {
    err = (err + chunk.toString("utf8")).slice(-4000);
  });
  const ended = new Promise<number | null>((done) => child.once("close", done));
  for await (const line of createInterface({ input: child.stdout })) hear(JSON.parse(line) as Said);
  const code = await ended;
  if (code !== 0) throw new Error(`peer.py ${mode} ended with ${code}:\n${err}`);
}
