/** How commands reach a service: the one that was named, the one that runs, or one of their own for the call. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import type { Command } from "commander";
import type { Endpoint } from "../../client/request.ts";
import { isServiceError, ServiceError } from "../../errors.ts";
import { createToken } from "../../http/tokens.ts";
import type { Service } from "../../main.ts";
import { Interrupted, type Interruption, takeSignals } from "../interrupt.ts";
import type { Settings } from "../settings.ts";
import { databasePlace } from "../start/open-database.ts";
import { type RunningServer, runningServer } from "../start/server-file.ts";
import { type Call, callOf } from "./context.ts";

/** Work of a command. The signal tells that the user wants it to stop. */
type Work<T> = (endpoint: Endpoint, signal: AbortSignal) => Promise<T>;

/** What a command asks of the service. */
interface Needs {
  /** True when the command is about the schema file: then the service must follow the one that was named. */
  readonly schemaFile?: boolean;
}

/** How long another command's private service is waited for. */
const patienceMs = 30_000;
const windUpMs = 3000;

/**
 * Runs `work` against the server named by `--server`, else the one that owns the data folder, else one started for this call on a port
 * of its own and stopped afterwards.
 * @throws {CONFLICT} when the server that runs holds another database or, if it `needs` one, follows another schema file.
 */
export async function withService<T>(command: Command, work: Work<T>, needs: Needs = {}): Promise<T> {
  const call = callOf(command);
  const signals = takeSignals();
  try {
    const url = await serverUrl(call, needs);
    if (url === undefined) return await withOwn(call, { work, needs, signals });
    return await interruptible(signals, (signal) => work(endpointAt(call, url), signal));
  } catch (error) {
    // Ctrl-C reaches the programs that we started as well; what they said of it is of no interest.
    throw signals.wasAsked() && !(error instanceof Interrupted) ? new Interrupted() : error;
  } finally {
    signals.dispose();
  }
}

const endpointAt = ({ settings }: Call, url: string): Endpoint => ({ url, token: settings.token });

async function serverUrl(call: Call, needs: Needs): Promise<string | undefined> {
  if (call.server !== undefined) {
    if (needs.schemaFile === true && call.schemaNamed) throw schemaOfServer(call.server);
    return call.server;
  }
  const running = await runningServer(call.settings.dataFolder);
  if (running === undefined) return undefined;
  checkSame(running, call.settings, needs);
  return running.url;
}

function schemaOfServer(url: string): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `--schema has no effect on the server at ${url}.`, {
    details: {
      field: "--schema",
      remedy: "The server follows the schema file that it was started with; leave --schema away.",
    },
  });
}

function checkSame(running: RunningServer, settings: Settings, { schemaFile }: Needs): void {
  const place = databasePlace(settings);
  if (running.database !== place) throw different(running, `holds ${running.database}, not ${place}`);
  if (schemaFile === true && running.schemaPath !== settings.schemaPath)
    throw different(running, `follows ${running.schemaPath}, not ${settings.schemaPath}`);
}

function different({ url, pid }: RunningServer, what: string): ServiceError {
  return new ServiceError(
    "CONFLICT",
    `The server at ${url} (process ${pid}) uses this data folder and ${what}.`,
    {
      details: {
        remedy: "Stop it first, name another folder with --data, or name the server you mean with --server.",
      },
    },
  );
}

/** Ends `work` when the user wants it, after a moment to tidy up; does not begin it when that was before. */
async function interruptible<T>(
  { asked, wasAsked }: Interruption,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (wasAsked()) throw new Interrupted();
  const stop = new AbortController();
  const done = work(stop.signal);
  const first = await Promise.race([asked.then(() => "asked"), done.then(() => "done")]);
  if (first === "done") return done;
  stop.abort();
  const last = await Promise.race([done.catch((error: unknown) => error), sleep(windUpMs)]);
  throw last instanceof Interrupted ? last : new Interrupted();
}

interface OwnService<T> {
  readonly work: Work<T>;
  readonly needs: Needs;
  readonly signals: Interruption;
}

async function withOwn<T>(call: Call, { work, needs, signals }: OwnService<T>): Promise<T> {
  // One call is no service of many: where millions of objects pass through, the heap would only grow. The engine collects its garbage late
  // on a machine with much memory, unless it is told that memory counts.
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--optimize-for-size");
  const folder = await mkdtemp(join(tmpdir(), "holdfast-"));
  try {
    // Other users of the machine can reach the port while the call lasts: nobody but this call has the token. Its name
    // is that of callers without one, so that an upload made here can be used through a server of this machine.
    const { token, line } = createToken({ name: "anonymous", right: "ADMIN" });
    const tokensFile = join(folder, "tokens");
    await writeFile(tokensFile, line, { mode: 0o600 });
    const found = await startOrJoin(call, { tokensFile, needs });
    if (typeof found === "string")
      return await interruptible(signals, (signal) => work(endpointAt(call, found), signal));
    signals.beforeExit(() => found.database.stop());
    try {
      return await interruptible(signals, (signal) => work({ url: found.url, token }, signal));
    } finally {
      await found.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Two commands at the same time: the second waits for the first, or joins the server that is just coming up. */
async function startOrJoin(
  call: Call,
  { tokensFile, needs }: { tokensFile: string; needs: Needs },
): Promise<Service | string> {
  const { startService } = await import("../../main.ts");
  const settings = ownSettings(call, tokensFile);
  for (const deadline = Date.now() + patienceMs; ; await sleep(200)) {
    try {
      return await startService(settings, { apply: "never", announce: false });
    } catch (error) {
      if (!isServiceError(error, "DATA_IN_USE") || Date.now() > deadline) throw error;
      const url = await serverUrl(call, needs);
      if (url !== undefined) return url;
    }
  }
}

function ownSettings({ settings, output }: Call, tokensFile: string): Settings {
  // The call reads what it needs from its own server, whatever stands before the one of every day.
  const { publicUrl: _, dataOrigin: __, ...rest } = settings;
  return {
    ...rest,
    tokensFile,
    host: "127.0.0.1",
    port: 0,
    portGiven: true,
    logLevel: settings.logLevel ?? (output.json ? "error" : "warn"),
  };
}
