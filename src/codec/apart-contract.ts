/** Decoding in a worker thread, as the chains of codecs see it, and what goes between the threads. */

import type { MessagePort } from "node:worker_threads";
import type { DecodeLimits } from "../format/decode-limits.ts";
import type { DecodeContext, EncodeContext, JsonObject, StoredValue } from "./contract.ts";
import type { PlainError } from "./plain-error.ts";

/** What a codec is asked. */
export type ApartCall =
  | {
      readonly kind: "field";
      readonly name: string;
      readonly args: Readonly<Record<string, unknown>>;
      /** Whether a large answer may come back as JSON. */
      readonly asJson: boolean;
      readonly context: Omit<DecodeContext, "signal">;
    }
  | {
      readonly kind: "derived";
      readonly name: string;
      readonly args: JsonObject;
      readonly context: Omit<DecodeContext, "signal">;
    }
  | { readonly kind: "decode"; readonly context: Omit<DecodeContext, "signal"> }
  | {
      readonly kind: "inspect";
      readonly upload: {
        readonly filename: string;
        readonly mediaType?: string | undefined;
        readonly contentSha256?: string | undefined;
      };
      readonly context: Omit<EncodeContext, "signal">;
    };

/** Runs codecs in worker threads under limits. */
export interface Apart {
  readonly limits: DecodeLimits;
  /**
   * The codec's answer, or its error; a large one of a field that was asked with `asJson` is a `MovedJson`.
   * @throws {LIMIT_EXCEEDED} when the thread overran its time or its memory; then it is ended, and others go on.
   */
  run(options: {
    /** Where the thread loads the codec from. */
    readonly file: string;
    readonly call: ApartCall;
    readonly value: StoredValue;
    readonly signal: AbortSignal | undefined;
  }): Promise<unknown>;
  /** Ends all threads; what they were doing is refused. */
  close(): Promise<void>;
}

/** What a worker thread is given. */
export interface ApartTask {
  readonly file: string;
  readonly call: ApartCall;
  readonly meta: JsonObject | undefined;
  readonly hasHead: boolean;
  readonly limits: DecodeLimits;
  readonly port: MessagePort;
  /** Shared 32-bit numbers: see {@link control}. */
  readonly control: Int32Array<SharedArrayBuffer>;
}

/** Places in `ApartTask.control`. */
export const control = { replies: 0, aborted: 1, length: 2 } as const;

/** What the thread asks of the value. `handle` 0 is its own bytes, others are files of its folder. */
export type ApartQuestion =
  | { readonly kind: "bytes" }
  | { readonly kind: "read"; readonly handle: number; readonly start: number; readonly end: number }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "entries"; readonly prefix?: string | undefined; readonly after?: string | undefined }
  | { readonly kind: "head" };

/** From the thread. */
export type ApartMessage =
  | { readonly id: number; readonly question: ApartQuestion }
  | { readonly started: true }
  | { readonly answer: unknown }
  | { readonly json: Uint8Array }
  | { readonly error: PlainError };

/** To the thread. */
export type ApartReply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: PlainError };

/** Bytes that one reply carries at most: copying more would hold up the thread that serves. */
export const maxReplyBytes = 4 * 2 ** 20;
/** Entries of a folder that one reply carries at most. */
export const maxReplyEntries = 1000;
