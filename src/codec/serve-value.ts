/** Answers what a worker thread asks of a stored value. */

import type { MessagePort } from "node:worker_threads";
import { ServiceError } from "../errors.ts";
import { type ApartQuestion, type ApartReply, control, maxReplyEntries } from "./apart-contract.ts";
import type { ByteReader, StoredValue, TreeEntry } from "./contract.ts";
import { plainError } from "./plain-error.ts";

/** What is needed to answer. */
export interface ServedValue {
  readonly value: StoredValue;
  readonly port: MessagePort;
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly signal: AbortSignal;
}

/** Answers questions, one after another or side by side, until the port is closed. */
export function serveValue(served: ServedValue): (id: number, question: ApartQuestion) => Promise<void> {
  const readers: ByteReader[] = [];
  return async (id, question) => {
    let reply: ApartReply;
    try {
      reply = { id, answer: await answer(served, readers, question) };
    } catch (error) {
      reply = { id, error: plainError(error) };
    }
    const bytes = "answer" in reply && reply.answer instanceof Uint8Array ? [reply.answer.buffer] : [];
    // Bytes are a copy of their own, so they may move.
    served.port.postMessage(reply, bytes as ArrayBuffer[]);
    Atomics.add(served.control, control.replies, 1);
    Atomics.notify(served.control, control.replies);
  };
}

async function answer(
  { value, signal }: ServedValue,
  readers: ByteReader[],
  question: ApartQuestion,
): Promise<unknown> {
  signal.throwIfAborted();
  const opened = (reader: ByteReader) => ({ handle: readers.push(reader) - 1, sizeBytes: reader.sizeBytes });
  if (question.kind === "bytes") return opened(await value.bytes());
  if (question.kind === "head") return value.head?.();
  if (question.kind === "file") {
    const reader = await (await value.tree()).file(question.path, signal);
    return reader === undefined ? undefined : opened(reader);
  }
  if (question.kind === "entries") return entriesOf(value, question, signal);
  const reader = readers[question.handle];
  if (reader === undefined) throw new ServiceError("INTERNAL_SERVER_ERROR", "No such reader is open.");
  return new Uint8Array(await reader.read(question.start, question.end, signal));
}

async function entriesOf(
  value: StoredValue,
  question: Extract<ApartQuestion, { readonly kind: "entries" }>,
  signal: AbortSignal,
): Promise<TreeEntry[]> {
  const { prefix, after } = question;
  const found: TreeEntry[] = [];
  const options = {
    signal,
    ...(prefix === undefined ? {} : { prefix }),
    ...(after === undefined ? {} : { after }),
  };
  for await (const { path, sizeBytes } of (await value.tree()).entries(options)) {
    found.push({ path, sizeBytes });
    if (found.length === maxReplyEntries) break;
  }
  return found;
}
