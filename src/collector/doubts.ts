/** Doubts as a run collects them, and how an error becomes one. */

import { sqlstateOf } from "../db/sqlstate.ts";
import { isServiceError, type ServiceError } from "../errors.ts";
import type { Doubt } from "./contract.ts";

/** Ends a transaction that must not delete. */
export class DoubtFound extends Error {
  readonly doubts: readonly Doubt[];

  constructor(doubts: readonly Doubt[]) {
    super(doubts.map(({ message }) => message).join(" "));
    this.name = "DoubtFound";
    this.doubts = doubts;
  }
}

/** The doubts of one run; the same one is kept once. */
export class Doubts {
  readonly #all = new Map<string, Doubt>();

  get all(): readonly Doubt[] {
    return [...this.#all.values()];
  }

  add(doubts: readonly Doubt[]): void {
    for (const doubt of doubts) {
      const key = JSON.stringify([doubt.code, doubt.store, doubt.subject]);
      if (!this.#all.has(key)) this.#all.set(key, doubt);
    }
  }

  /** Whether nothing may be deleted in `store`. */
  stop(store: string): boolean {
    return this.of(store).length > 0;
  }

  of(store: string): readonly Doubt[] {
    return this.all.filter((doubt) => doubt.store === undefined || doubt.store === store);
  }
}

/**
 * The doubts that an error of a step comes to.
 * @throws `error` itself where it is a fault of ours, or a caller's: that is no doubt.
 */
export function doubtsOf(error: unknown, step: string, store?: string): readonly Doubt[] {
  if (error instanceof DoubtFound) return error.doubts;
  if (!isServiceError(error)) throw error;
  const doubt = {
    subject: typeof error.details["table"] === "string" ? error.details["table"] : step,
    message: `${step} failed: ${error.message}`,
    remedy: error.details.remedy ?? "Look into the log, mend the cause, and run again.",
  };
  return [{ code: codeOf(error), ...doubt, ...(store === undefined ? {} : { store }) }];
}

function codeOf(error: ServiceError): Doubt["code"] {
  if (error.code === "FORBIDDEN") return "PERMISSION";
  const isOfPostgres = sqlstateOf(error) !== undefined || error.code === "DATABASE_UNAVAILABLE";
  return isOfPostgres || !/^(STORE|OBJECT)_/.test(error.code) ? "DATABASE" : "STORE";
}
