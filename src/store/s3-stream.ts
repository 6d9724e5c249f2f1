/** Bodies on their way from a server, which must not stand still. */

import type { Readable } from "node:stream";

interface Short {
  readonly bytes: number;
  /** How long nothing may come. */
  readonly stallMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The chunks of a short body; `undefined` when it breaks off, stalls or is not of its length, and has to be asked for again. */
export function collected(
  body: Readable,
  { bytes, stallMs, signal }: Short,
): Promise<Uint8Array[] | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let left = bytes;
    const stop = (): unknown => body.destroy();
    const timer = setTimeout(stop, stallMs);
    signal?.addEventListener("abort", stop, { once: true });
    body.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      left -= chunk.length;
      timer.refresh();
    });
    body.once("close", () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted === true) reject(signal.reason);
      else resolve(left === 0 && body.readableEnded ? chunks : undefined);
    });
    if (signal?.aborted === true) stop();
  });
}

/** The chunks of `stream`, each of which must come in time; time that the consumer takes does not count. */
export async function* watched(
  stream: Readable,
  stallMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const chunks = stream[Symbol.asyncIterator]();
  const stop = (): unknown => stream.destroy();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      signal?.throwIfAborted();
      const timer = setTimeout(stop, stallMs);
      const next = await chunks.next().finally(() => clearTimeout(timer));
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
