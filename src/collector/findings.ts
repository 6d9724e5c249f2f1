/** What a check of one store has found so far: told one after the other, and counted. */

import { isServiceError } from "../errors.ts";
import { locatorOf } from "../object/locator.ts";
import type { Doubt, Finding, FindingKind, FsckReport } from "./contract.ts";

export type StoreFindings = FsckReport["stores"][number];

const kinds = [
  "UNKNOWN_BYTES",
  "MISSING",
  "SIZE",
  "DIGEST",
  "UNVERIFIED",
  "DANGLING_ROW",
  "OPEN_MULTIPART",
] as const satisfies FindingKind[];

/** Findings of one store. */
export class Findings {
  readonly store: string;
  objects = 0;
  scrubbedBytes = 0;
  lost = 0;
  #mended = 0;
  readonly #found: Record<FindingKind, number>;
  readonly #onFinding: ((finding: Finding) => void | Promise<void>) | undefined;
  #telling: Promise<void> = Promise.resolve();

  constructor(store: string, onFinding?: (finding: Finding) => void | Promise<void>) {
    this.store = store;
    this.#onFinding = onFinding;
    this.#found = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<FindingKind, number>;
  }

  /** Counts a finding and waits until it has been told. */
  async tell(kind: FindingKind, path: string, outcome: Finding["outcome"], message: string): Promise<void> {
    if (outcome === "left") this.#found[kind] += 1;
    else this.#mended += 1;
    const finding = { kind, store: this.store, locator: locatorOf(this.store, path), message, outcome };
    const telling = this.#telling.then(() => this.#onFinding?.(finding));
    this.#telling = telling.catch(() => undefined);
    await telling;
  }

  report(): StoreFindings {
    const { store, objects, scrubbedBytes, lost } = this;
    return { store, objects, scrubbedBytes, lost, found: { ...this.#found }, mended: this.#mended };
  }
}

/** The doubt that an error of a store is; `undefined` for any other error. */
export function storeDoubt(store: string, error: unknown): Doubt | undefined {
  if (!isServiceError(error, "STORE_UNAVAILABLE")) return undefined;
  return {
    code: "STORE",
    store,
    subject: store,
    message: error.message,
    remedy: error.details.remedy ?? "Check the store, then try again.",
  };
}
