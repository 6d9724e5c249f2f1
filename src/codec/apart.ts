/**
 * Decodes in worker threads under limits of time and memory, so that no stored value can hold up or bring down the service. A thread that
 * overruns is ended, its caller is told the limit, and the others go on.
 */

import { extname, join } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import { isServiceError } from "../errors.ts";
import { beyondDecodeLimit, type DecodeLimits } from "../format/decode-limits.ts";
import { type Apart, type ApartMessage, type ApartTask, control } from "./apart-contract.ts";
import { MovedJson } from "./moved-json.ts";
import { createPatience } from "./patience.ts";
import { errorOf } from "./plain-error.ts";
import { serveValue } from "./serve-value.ts";
import { createTurns } from "./turns.ts";

/** What a caller that has gone leaves the thread to stop by itself, in milliseconds. */
const graceMs = 100;
/** Threads without work end after this, in milliseconds. */
const idleMs = 60_000;
const mebibyte = 2 ** 20;

/** Starts no thread before there is work. */
export function createApart(limits: DecodeLimits): Apart {
  const pool = new Piscina({
    // Beside this file, built or not.
    filename: join(import.meta.dirname, `apart-worker${extname(import.meta.filename)}`),
    minThreads: 0,
    maxThreads: limits.threads,
    idleTimeout: idleMs,
    concurrentTasksPerWorker: 1,
    // A thread that waits in Atomics between tasks would not serve its own messages.
    atomics: "disabled",
    resourceLimits: { maxOldGenerationSizeMb: Math.floor(limits.heapBytes / mebibyte), stackSizeMb: 4 },
    // Codecs read no environment; credentials of stores stay here.
    env: {},
    execArgv: [],
  });
  // A thread that is ended leaves tasks in Piscina's own queue without a thread: none may wait there.
  const takeTurn = createTurns(limits.threads);
  return {
    limits,
    async run(options) {
      const endTurn = await takeTurn(options.signal);
      return run(pool, limits, { ...options, endTurn });
    },
    close: () => pool.destroy(),
  };
}

type RunOptions = Parameters<Apart["run"]>[0] & { readonly endTurn: () => void };

async function run(pool: Piscina, limits: DecodeLimits, options: RunOptions): Promise<unknown> {
  const { file, call, value, signal, endTurn } = options;
  const { port1: port, port2: theirs } = new MessageChannel();
  const shared = new Int32Array(new SharedArrayBuffer(control.length * 4));
  const kill = new AbortController();
  const gone = new AbortController();
  const outcome = Promise.withResolvers<unknown>();
  const serve = serveValue({ value, port, control: shared, signal: gone.signal });
  const patience = createPatience(limits.timeMs, () => {
    outcome.reject(beyondDecodeLimit("timeMs", limits, `Decoding took over ${limits.timeMs} milliseconds`));
    kill.abort();
  });
  port.on("message", (message: ApartMessage) => {
    if ("question" in message) void patience.pause(serve(message.id, message.question));
    else if ("started" in message) patience.start();
    else if ("answer" in message) outcome.resolve(message.answer);
    else if ("json" in message) outcome.resolve(new MovedJson(message.json));
    else outcome.reject(errorOf(message.error));
  });
  const giveUp = (): void => {
    gone.abort(signal?.reason);
    Atomics.store(shared, control.aborted, 1);
    Atomics.notify(shared, control.replies);
    outcome.reject(signal?.reason);
  };
  signal?.addEventListener("abort", giveUp, { once: true });
  if (signal?.aborted) giveUp();
  const facts = { file, call, meta: value.meta, hasHead: value.head !== undefined, limits };
  const task: ApartTask = { ...facts, port: theirs, control: shared };
  const done = pool.run(task, { transferList: [theirs], signal: kill.signal });
  done.catch((error: unknown) => outcome.reject(refusal(error, limits)));
  try {
    return await outcome.promise;
  } finally {
    signal?.removeEventListener("abort", giveUp);
    patience.stop();
    void endAfter(done, kill).finally(() => {
      port.close();
      endTurn();
    });
  }
}

/** Lets the thread finish by itself, then ends it. */
async function endAfter(done: Promise<unknown>, kill: AbortController): Promise<void> {
  const timer = setTimeout(() => kill.abort(), graceMs);
  await done.catch(() => undefined);
  clearTimeout(timer);
}

/** Why a thread ended without an answer. */
function refusal(error: unknown, limits: DecodeLimits): unknown {
  if (isServiceError(error)) return error;
  if (error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY")
    return beyondDecodeLimit("heapBytes", limits, "Decoding needs more memory than a thread has");
  return error;
}
