/** What every command gets, and how commands reach a service. */

import type { Command } from "commander";
import type { Endpoint } from "../../sample/client.ts";
import { createOutput, type Output } from "../output.ts";
import { readSettings, type Settings } from "../settings.ts";
import { runningServer } from "../start/server-file.ts";

/** One call of a command. */
export interface Call {
  readonly settings: Settings;
  readonly output: Output;
}

/** Options that every command has. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly schema?: string;
  readonly data?: string;
  readonly server?: string;
}

export function callOf(command: Command): Call {
  const options = command.optsWithGlobals<GlobalOptions & { port?: string; host?: string }>();
  return {
    settings: readSettings(options, process.env, process.cwd()),
    output: createOutput(options.json === true, { out: process.stdout, err: process.stderr }),
  };
}

/**
 * Runs `work` against the server named by `--server`, else the one that owns the data folder, else one started for this call on a port
 * of its own and stopped afterwards.
 */
export async function withService<T>(command: Command, work: (endpoint: Endpoint) => Promise<T>): Promise<T> {
  const { settings } = callOf(command);
  const token = process.env["HOLDFAST_TOKEN"];
  const url =
    command.optsWithGlobals<GlobalOptions>().server ?? (await runningServer(settings.dataFolder))?.url;
  if (url !== undefined) return work({ url, token });
  const { startService } = await import("../../main.ts");
  const service = await startService(
    { ...settings, host: "127.0.0.1", port: 0, portGiven: true, logLevel: "warn" },
    { apply: "never" },
  );
  try {
    return await work({ url: service.url, token });
  } finally {
    await service.close();
  }
}
