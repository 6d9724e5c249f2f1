/** The answer of another server: whether it is a file, and its bytes as they arrive, counted and held to their limits. */

import { isServiceError, ServiceError } from "../errors.ts";
import type { RemoteTarget } from "./rules.ts";

/** What one import may cost. */
export interface RemoteLimits {
  readonly bytes: number;
  /** From the call to the last byte. */
  readonly totalMs: number;
  /** Without a byte; and until the headers are complete. */
  readonly idleMs: number;
}

/** Names of the limits that the environment sets. */
export const remoteLimitSettings = {
  bytes: "HOLDFAST_IMPORT_LIMIT",
  totalMs: "HOLDFAST_IMPORT_TIMEOUT_MS",
  idleMs: "HOLDFAST_IMPORT_IDLE_MS",
} as const satisfies Record<keyof RemoteLimits, string>;

/** An answer whose body has not been read. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the connection. */
  close(): void;
}

/** The import that an answer belongs to. */
export interface BodyCall {
  readonly limits: RemoteLimits;
  readonly isDeclared: boolean;
  /** Aborted when the whole import has taken too long. */
  readonly deadline: AbortSignal;
  /** Aborted then, or when the caller has gone. */
  readonly signal: AbortSignal;
}

/** The file in an answer. @throws {IMPORT_FAILED} when it has none, {LIMIT_EXCEEDED} when it is too large. */
export function bodyOf(call: BodyCall, target: RemoteTarget, answer: Answer) {
  try {
    const sizeBytes = checkAnswer(call, target, answer);
    const body = counted(call, target, answer);
    return { body, host: target.host, ...(sizeBytes === undefined ? {} : { sizeBytes }) };
  } catch (error) {
    answer.close();
    throw error;
  }
}

/** Answers the length that is told, if one is. */
function checkAnswer(call: BodyCall, target: RemoteTarget, answer: Answer): number | undefined {
  if (answer.status !== 200)
    throw failed(target, `answers ${answer.status}`, "Give a URL that answers 200 with the file.");
  const header = (name: string) => (answer.headers[name] ?? []).join().toLowerCase();
  const encodings = [header("content-encoding"), header("transfer-encoding")].join(",").split(/[\s,]+/);
  const encoding = encodings.find((name) => !["", "identity", "chunked"].includes(name));
  if (encoding !== undefined)
    throw failed(
      target,
      `answers bytes that are encoded (${encoding.slice(0, 40)})`,
      "Give a URL of the file itself.",
    );
  const length = header("content-length");
  if (length === "") {
    if (header("transfer-encoding") !== "" || call.isDeclared) return undefined;
    const remedy = "Declare sizeBytes or sha256 in createUpload.";
    throw failed(
      target,
      "does not say where the file ends, so that its end cannot be told from a break",
      remedy,
    );
  }
  const sizeBytes = Number(length);
  if (!/^\d{1,16}$/.test(length) || !Number.isSafeInteger(sizeBytes))
    throw failed(target, "answers a length that is no number", "Give another URL.");
  if (sizeBytes > call.limits.bytes) throw tooLarge(call.limits);
  return sizeBytes;
}

/** Node's client gives an error where a body ends before its length, or between chunks. */
async function* counted(call: BodyCall, target: RemoteTarget, answer: Answer): AsyncGenerator<Uint8Array> {
  let received = 0;
  try {
    for await (const piece of withoutPause(answer, call.limits.idleMs)) {
      received += piece.length;
      if (received > call.limits.bytes) throw tooLarge(call.limits);
      yield piece;
    }
  } catch (error) {
    if (call.deadline.aborted) throw tooLong(call.limits);
    if (call.signal.aborted) throw call.signal.reason;
    if (isServiceError(error)) throw error;
    throw brokeOff(target, received, error);
  } finally {
    answer.close();
  }
}

/** Ends a body that brings nothing for so long. A reader that takes its time is not the other server's fault. */
async function* withoutPause({ body, close }: Answer, idleMs: number): AsyncGenerator<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await soon(pieces.next(), idleMs);
      if (done === true) return;
      yield value;
    }
  } finally {
    // First: leaving a body waits for the piece that is on its way.
    close();
    await pieces.return?.();
  }
}

async function soon<T>(work: Promise<T>, ms: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`nothing came for ${ms} ms`)), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A host with its port as its URL names them; never the path or the query, which may hold secrets. */
export function shown({ url }: RemoteTarget): string {
  return url.host.slice(0, 300);
}

/** What the other server did instead of giving a file. */
export function failed(target: RemoteTarget, what: string, remedy: string, cause?: unknown): ServiceError {
  return new ServiceError("IMPORT_FAILED", `The server at ${shown(target)} ${what}. ${remedy}`, {
    details: { field: "url", value: shown(target), remedy },
    cause,
  });
}

function brokeOff(target: RemoteTarget, received: number, cause?: unknown): ServiceError {
  return failed(target, `broke off after ${received} bytes`, "Nothing was kept; import it again.", cause);
}

function tooLarge({ bytes }: RemoteLimits): ServiceError {
  const setting = remoteLimitSettings.bytes;
  return new ServiceError("LIMIT_EXCEEDED", `The file is larger than ${bytes} bytes (${setting}).`, {
    details: { field: "url", limit: bytes, setting, remedy: `Raise ${setting} at the server.` },
  });
}

/** The refusal of an import that took too long. */
export function tooLong({ totalMs }: RemoteLimits): ServiceError {
  const setting = remoteLimitSettings.totalMs;
  return new ServiceError("LIMIT_EXCEEDED", `The import took longer than ${totalMs} ms (${setting}).`, {
    details: { field: "url", limit: totalMs, setting, remedy: `Raise ${setting} at the server.` },
  });
}
