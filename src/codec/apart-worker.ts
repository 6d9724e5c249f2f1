/** A worker thread that decodes: loads the codec from its file, asks it, and tells the answer. Piscina calls the default export. */

import type { MessagePort } from "node:worker_threads";
import { isServiceError, ServiceError } from "../errors.ts";
import { decodeLimitSettings } from "../format/decode-limits.ts";
import { type ApartCall, type ApartMessage, type ApartTask, control } from "./apart-contract.ts";
import { askedValue } from "./asked-value.ts";
import type { Codec, StoredValue } from "./contract.ts";
import { derivedOf } from "./derived.ts";
import { loadCodec } from "./load.ts";
import { movable } from "./movable.ts";
import { jsonBytes } from "./moved-json.ts";
import { plainError } from "./plain-error.ts";
import { capWasmMemory } from "./wasm-memory.ts";

const codecs = new Map<string, Promise<Codec>>();

/** Answers over the task's port. After a fault of a codec that is always apart the thread is not used again. */
export default async function apart(task: ApartTask): Promise<void> {
  const tell = (message: ApartMessage, moved: ArrayBuffer[] = []) => task.port.postMessage(message, moved);
  const stop = new AbortController();
  const value = askedValue(task, stop.signal);
  const watch = watchAbort(task, stop);
  let codec: Codec | undefined;
  try {
    capWasmMemory(task.limits.heapBytes);
    codec = await codecOf(task.file);
    tell({ started: true });
    const answer = await ask(codec, task, { value, signal: stop.signal });
    const json = task.call.kind === "field" && task.call.asJson ? jsonBytes(answer) : undefined;
    if (json === undefined) tell({ answer }, movable(answer));
    else tell({ json }, [json.buffer]);
  } catch (error) {
    tell({ error: plainError(error) });
    // What the bytes have done to the memory of a native library nobody knows: the other side ends this thread.
    if (codec?.apart === "always" && hasHarmed(error)) await neverAgain(task.port);
  } finally {
    clearInterval(watch);
  }
}

/** Work that awaits sees that the caller has gone. Work that does not is ended from outside. */
function watchAbort(task: ApartTask, stop: AbortController): NodeJS.Timeout {
  return setInterval(() => {
    if (Atomics.load(task.control, control.aborted) !== 0) stop.abort();
  }, 20).unref();
}

/** Faults of stored bytes after which a thread is replaced all the same: a native library keeps a little of each. */
const maxFaults = 50;
let faults = 0;

/** Whether a native library may have been left in disorder: by a trap, by an exception of its own, by memory that ran out. */
function hasHarmed(error: unknown): boolean {
  if (isServiceError(error, "LIMIT_EXCEEDED"))
    return error.details["setting"] === decodeLimitSettings.heapBytes;
  if (isServiceError(error, "CODEC_CORRUPT")) faults += 1;
  if (faults >= maxFaults) return true;
  for (let one = error; one !== undefined; one = one instanceof Error ? one.cause : undefined) {
    if (!(one instanceof Error) || one.name === "RuntimeError") return true;
  }
  return !isServiceError(error);
}

function neverAgain(port: MessagePort): Promise<never> {
  port.ref();
  return new Promise(() => {});
}

function codecOf(file: string): Promise<Codec> {
  const known = codecs.get(file) ?? loadCodec(file);
  codecs.set(file, known);
  return known;
}

async function ask(
  codec: Codec,
  { call, limits }: { readonly call: ApartCall; readonly limits: ApartTask["limits"] },
  { value, signal }: { readonly value: StoredValue; readonly signal: AbortSignal },
): Promise<unknown> {
  if (call.kind === "decode") return codec.decode(value, { ...call.context, limits, signal });
  if (call.kind === "inspect") {
    const upload = { ...call.upload, value };
    return codec.upload?.inspect(upload, { ...call.context, limits, signal });
  }
  if (call.kind === "derived")
    return derivedOf(codec, call.name).make(value, call.args, { ...call.context, limits, signal });
  const field = Object.hasOwn(codec.fields, call.name) ? codec.fields[call.name] : undefined;
  if (field?.read === undefined)
    throw new ServiceError("INTERNAL_SERVER_ERROR", `The codec's file has no field ${call.name} any more.`);
  return field.read(value, call.args, { ...call.context, limits, signal });
}
