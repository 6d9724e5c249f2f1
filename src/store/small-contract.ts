/** What goes between a file store and its thread for small files. */

import type { ErrorCode, ErrorDetails } from "../errors.ts";
import { ServiceError } from "../errors.ts";
import { errnoOf } from "./file-error.ts";
import type { OpenFolder } from "./small-folders.ts";
import type { GetOutcome, SmallGet } from "./small-get.ts";

/** An error on its way to another thread. */
export type PlainError =
  | { readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails }
  | { readonly errno: string | undefined; readonly message: string };

export function plainOf(error: unknown): PlainError {
  if (error instanceof ServiceError)
    return { code: error.code, message: error.message, details: error.details };
  return { errno: errnoOf(error), message: error instanceof Error ? error.message : String(error) };
}

export function errorOf(plain: PlainError): Error {
  if ("code" in plain) return new ServiceError(plain.code, plain.message, { details: plain.details });
  const error = new Error(plain.message);
  return plain.errno === undefined ? error : Object.assign(error, { code: plain.errno });
}

/** Work for the thread; the bytes of all puts are one piece of memory. */
export type SmallWork =
  | {
      readonly kind: "put";
      readonly root: OpenFolder;
      readonly puts: readonly { readonly path: string; readonly from: number; readonly to: number }[];
      readonly bytes: Uint8Array;
    }
  | { readonly kind: "get"; readonly root: string; readonly gets: readonly SmallGet[] };

/** What came of it. */
export interface SmallDone {
  readonly put: {
    readonly outcomes: readonly (
      | { readonly sizeBytes: number; readonly modifiedMs: number }
      | { readonly error: PlainError }
    )[];
    /** Folders that were made and could not be made durable. */
    readonly unsynced: readonly string[];
  };
  readonly get: { readonly outcomes: readonly GetOutcome[]; readonly bytes: Uint8Array };
}

/** A question, and its answer. */
export interface SmallAsk {
  readonly id: number;
  readonly work: SmallWork;
}

export type SmallReply =
  | { readonly id: number; readonly done: SmallDone[keyof SmallDone] }
  | { readonly id: number; readonly error: PlainError };
