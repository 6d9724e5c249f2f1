/** A stored value in a worker thread: its bytes are asked of the thread that serves, at once or later. */

import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import {
  type ApartQuestion,
  type ApartReply,
  type ApartTask,
  control,
  maxReplyBytes,
  maxReplyEntries,
} from "./apart-contract.ts";
import type { ByteReader, ReferenceHead, StoredValue, TreeEntry, TreeReader } from "./contract.ts";
import { errorOf } from "./plain-error.ts";

/** Asks the other thread. */
interface Asker {
  later(question: ApartQuestion): Promise<unknown>;
  /** Waits without giving way to anything else. */
  atOnce(question: ApartQuestion): unknown;
}

/** Aborts `stop` when the caller has given up. */
export function askedValue(task: ApartTask, signal: AbortSignal): StoredValue {
  const asker = askerOn(task.port, task.control);
  const head = async () => (await asker.later({ kind: "head" })) as ReferenceHead | undefined;
  return {
    meta: task.meta,
    bytes: async () => readerOf(asker, (await asker.later({ kind: "bytes" })) as Opened, signal),
    tree: async () => treeOf(asker, signal),
    ...(task.hasHead ? { head } : {}),
  };
}

function askerOn(port: MessagePort, shared: Int32Array<SharedArrayBuffer>): Asker {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  const settle = (reply: ApartReply): void => {
    const one = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ("error" in reply) one?.reject(errorOf(reply.error));
    else one?.resolve(reply.answer);
  };
  port.on("message", settle);
  return {
    later(question) {
      const one = Promise.withResolvers<unknown>();
      last += 1;
      waiting.set(last, one);
      port.postMessage({ id: last, question });
      return one.promise;
    },
    atOnce(question) {
      last += 1;
      const id = last;
      port.postMessage({ id, question });
      for (;;) {
        const seen = Atomics.load(shared, control.replies);
        if (Atomics.load(shared, control.aborted) !== 0) throw aborted();
        const received = receiveMessageOnPort(port) as { message: ApartReply } | undefined;
        if (received === undefined) Atomics.wait(shared, control.replies, seen);
        else if (received.message.id !== id) settle(received.message);
        else if ("error" in received.message) throw errorOf(received.message.error);
        else return received.message.answer;
      }
    },
  };
}

function aborted(): Error {
  return Object.assign(new Error("The caller has gone."), { name: "AbortError" });
}

interface Opened {
  readonly handle: number;
  readonly sizeBytes: number;
}

function readerOf(asker: Asker, { handle, sizeBytes }: Opened, stop: AbortSignal): ByteReader {
  const pieces = function* (start: number, end: number): Generator<[number, number]> {
    for (let at = start; at < end; at += maxReplyBytes) yield [at, Math.min(end, at + maxReplyBytes)];
  };
  const read = async (start: number, end: number, signal: AbortSignal = stop): Promise<Uint8Array> => {
    signal.throwIfAborted();
    if (end - start <= maxReplyBytes)
      return (await asker.later({ kind: "read", handle, start, end })) as Uint8Array;
    const out = new Uint8Array(end - start);
    for (const [from, to] of pieces(start, end)) {
      signal.throwIfAborted();
      out.set(
        (await asker.later({ kind: "read", handle, start: from, end: to })) as Uint8Array,
        from - start,
      );
    }
    return out;
  };
  return {
    sizeBytes,
    read,
    readSync(start, end) {
      if (end - start <= maxReplyBytes)
        return asker.atOnce({ kind: "read", handle, start, end }) as Uint8Array;
      const out = new Uint8Array(end - start);
      for (const [from, to] of pieces(start, end))
        out.set(asker.atOnce({ kind: "read", handle, start: from, end: to }) as Uint8Array, from - start);
      return out;
    },
    async *stream(start = 0, end = sizeBytes, signal = stop) {
      for (const [from, to] of pieces(start, end)) yield await read(from, to, signal);
    },
  };
}

function treeOf(asker: Asker, stop: AbortSignal): TreeReader {
  return {
    async *entries({ prefix, after, signal = stop } = {}) {
      for (let last = after; ; ) {
        signal.throwIfAborted();
        const found = (await asker.later({ kind: "entries", prefix, after: last })) as TreeEntry[];
        yield* found;
        last = found.at(-1)?.path;
        if (found.length < maxReplyEntries) return;
      }
    },
    async file(path) {
      const opened = (await asker.later({ kind: "file", path })) as Opened | undefined;
      return opened === undefined ? undefined : readerOf(asker, opened, stop);
    },
  };
}
