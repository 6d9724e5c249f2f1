/** `start`: the service itself, until it is told to stop. */

import type { Command } from "commander";
import { errorTable, isServiceError, ServiceError } from "../../errors.ts";
import { type Service, startService } from "../../main.ts";
import { bannerJson, bannerText } from "../start/banner.ts";
import { describeChanges, describePending } from "../start/describe-changes.ts";
import { loadSample, prepareSample } from "../start/load-sample.ts";
import { readyFacts } from "../start/ready-facts.ts";
import { watchSchema } from "../start/watch-schema.ts";
import { type Call, callOf } from "./context.ts";

interface StartFlags {
  readonly apply?: boolean;
  readonly sample: boolean;
  readonly watch: boolean;
}

export function startCommand(program: Command): void {
  program
    .command("start")
    .description("run the service; Ctrl-C drains and stops it")
    .option("--port <port>", "port (PORT, 4000 or the next free one)")
    .option("--host <host>", "address to listen on (HOST, 127.0.0.1)")
    .option("--apply", "apply the schema file also to a database of DATABASE_URL")
    .option("--no-apply", "show the plan, change nothing")
    .option("--no-sample", "do not load the sample laboratory into a new database")
    .option("--no-watch", "do not follow the schema file")
    .action((flags: StartFlags, command: Command) => start(flags, callOf(command)));
}

async function start(flags: StartFlags, call: Call): Promise<void> {
  const { settings, output } = call;
  const onTerminal = process.stdout.isTTY && !output.json;
  const stopping = stopSignal();
  if (flags.sample) await prepareSample(settings);
  const apply = flags.apply ?? settings.databaseUrl === undefined;
  const service = await startService(settings, { apply: apply ? "safe" : "never" });
  try {
    for (const line of describeChanges(service.first)) output.note(line);
    await loadSample(service, output);
    const facts = await readyFacts(service);
    process.stdout.write(`${onTerminal ? bannerText(facts) : bannerJson(facts)}\n`);
    const unwatch = onTerminal && flags.watch ? watch(service, call) : undefined;
    await Promise.race([stopping, databaseEnd(service)]);
    await unwatch?.();
  } finally {
    output.note("stopping…");
    await service.close();
  }
}

/** Resolves at the first request to stop; the second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = () => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    process.on("SIGINT", ask);
    process.on("SIGTERM", ask);
    process.on("SIGHUP", ask);
  });
}

async function databaseEnd({ database }: Service): Promise<never> {
  const code = await database.exited;
  throw new ServiceError(
    "DATABASE_UNAVAILABLE",
    `The private PostgreSQL ended by itself (exit code ${code}).`,
    {
      details: {
        remedy:
          "Start again: nothing that was acknowledged is lost. If it ends again, look at the log above it.",
      },
    },
  );
}

function watch({ engine, settings, logger }: Service, { output }: Call): () => Promise<void> {
  return watchSchema(settings.schemaPath, async () => {
    try {
      const followed = await engine.follow();
      for (const line of describeChanges(followed)) output.note(line);
      if (followed.applied) output.note(`${settings.schemaPath}: serving the new schema`);
      else for (const line of describePending(followed.plan)) output.note(line);
    } catch (error) {
      if (!isServiceError(error) || !errorTable[error.code].exposed)
        logger.error({ err: error }, "the schema file");
      else output.note(`${error.message}\nThe schema before it keeps serving.`);
    }
  });
}
