/** What every step of the collector stands on. */

import type { Database } from "../db/contract.ts";
import type { FaultPoints } from "../object/fault-points.ts";
import type { Stores } from "../store/contract.ts";

export interface CollectorContext {
  readonly db: Database;
  /** Identified ones: each refuses to work where its location is another one's. */
  readonly stores: Stores;
  readonly faults: FaultPoints;
  /** Of Holdfast: a run after a deploy only reports until it is confirmed. */
  readonly version: string;
  /** Names this process in claims; no two processes share it. */
  readonly worker: string;
  /** Told what went wrong and is tried again; nothing is lost by it. */
  readonly warn: (error: unknown, what: string) => void;
}

/** The run that a step belongs to. */
export interface Run {
  /** Of `holdfast.collector_run`. */
  readonly id: string;
  readonly by: string;
  readonly signal?: AbortSignal | undefined;
}
