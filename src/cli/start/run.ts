/** A service from its start to its end: started, announced, followed, stopped in order. */

import { ServiceError } from "../../errors.ts";
import { type Service, startService } from "../../main.ts";
import type { Call } from "../command/context.ts";
import { Interrupted, type Interruption } from "../interrupt.ts";
import { bannerJson, bannerText } from "./banner.ts";
import { describeChanges } from "./describe-changes.ts";
import { followSchema } from "./follow-schema.ts";
import { guardProcess } from "./guard-process.ts";
import { loadSample, prepareSample } from "./load-sample.ts";
import { readyFacts } from "./ready-facts.ts";
import type { Watch } from "./watch-schema.ts";

/** Options of `start`. */
export interface StartFlags {
  /** Absent: by whose database it is. */
  readonly apply?: boolean;
  readonly readOnly?: boolean;
  readonly sample: boolean;
  readonly watch: boolean;
}

/** Resolves when the service has stopped as asked. @throws what ended it otherwise. */
export async function runService(flags: StartFlags, call: Call, signals: Interruption): Promise<void> {
  const { settings } = call;
  if (flags.sample) await prepareSample(settings);
  const readOnly = flags.readOnly === true;
  const apply = !readOnly && (flags.apply ?? settings.databaseUrl === undefined);
  const service = await unlessAsked(signals, () =>
    startService(settings, { apply: apply ? "safe" : "never", readOnly }),
  );
  signals.beforeExit(() => service.database.stop());
  const say = speaker(service, call);
  const guard = guardProcess(service.logger);
  let following: Watch | undefined;
  const ended = Promise.race([endOf(signals, say), guard.failed, databaseEnd(service)]);
  const ready = async () => {
    for (const line of describeChanges(service.first)) say(line);
    const why = service.engine.readOnly();
    if (why !== undefined) say(`The service only reads: ${why}.`);
    await loadSample(service, { output: call.output, say });
    // What was said on the way comes before the word that it is ready.
    service.logger.flush();
    // Who reads that it is followed may save at once.
    if (onTerminal(call) && flags.watch) following = followSchema(service, say);
    await following?.ready;
    await announce(service, call);
  };
  try {
    await Promise.race([ended, ready()]);
    await ended;
  } finally {
    await following?.stop();
    await service.close();
    guard.dispose();
  }
}

/** Ctrl-C before anything is served: what was started is given back, and the command ends as interrupted. */
async function unlessAsked({ wasAsked }: Interruption, startUp: () => Promise<Service>): Promise<Service> {
  const service = await startUp().catch((error: unknown) => {
    // It reaches the programs that we started as well; what they said of it is of no interest.
    throw wasAsked() ? new Interrupted() : error;
  });
  if (!wasAsked()) return service;
  await service.close();
  throw new Interrupted();
}

const onTerminal = ({ output }: Call): boolean => process.stdout.isTTY && !output.json;

/** Remarks are text on a terminal and lines of the log elsewhere. */
function speaker({ logger }: Service, call: Call): (text: string) => void {
  return onTerminal(call) ? (text) => call.output.note(text) : (text) => logger.info(text);
}

async function announce(service: Service, call: Call): Promise<void> {
  const facts = await readyFacts(service);
  process.stdout.write(`${onTerminal(call) ? bannerText(facts) : bannerJson(facts)}\n`);
}

async function endOf({ asked }: Interruption, say: (text: string) => void): Promise<void> {
  await asked;
  say("Stopping when running requests are answered; Ctrl-C again stops at once.");
}

async function databaseEnd({ database }: Service): Promise<never> {
  const code = await database.exited;
  throw new ServiceError(
    "DATABASE_UNAVAILABLE",
    `The private PostgreSQL in ${database.place} ended by itself (${code === null ? "killed" : `exit code ${code}`}).`,
    {
      details: {
        remedy:
          "Start again: nothing that was acknowledged is lost. If it ends again, look for what ended it: memory, disk, an operator.",
      },
    },
  );
}
