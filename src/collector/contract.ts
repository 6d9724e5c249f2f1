/**
 * What the command line, the system API and the schedules know of the collector. The protocol is `docs/architecture.md`; its steps are small
 * files of this folder that carry its names: release, condemn, kill, claim, hide, purge, reap; reconcile, verify, heal, revive.
 */

/** How far the collector may go in a store: `holdfast.store.gc`. */
export type CollectionMode =
  /** Nothing is looked at. */
  | "off"
  /** Everything is told, nothing is done, until somebody confirms. */
  | "report"
  | "on"
  /** The database was set back to an earlier moment: nothing is killed or purged until the store is confirmed. */
  | "restore";

/** Why nothing is deleted. The first doubt of a store stops every deletion in it; a doubt without a store stops all. */
export type DoubtCode =
  /** `holdfast.guard` names a column, constraint, trigger or session that could let a reference go unseen. */
  | "GUARD"
  /** The place is not the store, or cannot be told. */
  | "IDENTITY"
  /** An object that must be there is not. */
  | "CANARY"
  /** The store does not answer as it should. */
  | "STORE"
  /** The database is not the one, or not on the course, that the collector last worked on. */
  | "DATABASE"
  /** The role lacks a right that is needed to know. */
  | "PERMISSION"
  /** The store has rows in the database and is not configured here. */
  | "UNCONFIGURED"
  /** The store's mode does not allow it. */
  | "MODE"
  /** Nobody has confirmed collecting with this version of Holdfast. */
  | "UNCONFIRMED"
  /** More would be deleted than one run may without being confirmed. */
  | "TOO_MANY";

/** One reason to delete nothing, for people. */
export interface Doubt {
  readonly code: DoubtCode;
  /** Absent: all stores. */
  readonly store?: string;
  /** What is doubted: a column, an object, a place. */
  readonly subject: string;
  readonly message: string;
  readonly remedy: string;
}

/** The steps whose decisions are told. */
export type CollectStep = "release" | "condemn" | "clear" | "kill" | "hide" | "purge" | "reap" | "keep";

/** One decision about one object. */
export interface Decision {
  readonly step: CollectStep;
  readonly store: string;
  readonly locator: string;
  /** In words: which rows or holds keep it, since when it is condemned, until when it can be revived. */
  readonly reason: string;
  /** Absent where nobody recorded it. */
  readonly sizeBytes?: number;
  readonly condemnedAt?: Date;
}

/** Objects that a step was done to, or would be. */
export type StepCounts = Readonly<Record<Exclude<CollectStep, "keep">, number>> & {
  /** Bytes taken from their keys into the trash, as recorded. */
  readonly hiddenBytes: number;
  /** Bytes gone for good, as recorded. */
  readonly purgedBytes: number;
  /** Objects that rows or uploads need. */
  readonly kept: number;
  /** Condemned, and still within their grace. */
  readonly inGrace: number;
};

/** What a caller asks of {@link Collector.collect}. */
export interface CollectRequest {
  /** All configured ones unless given. */
  readonly stores?: readonly string[];
  /** False: nothing is changed; the report is what a run on the same snapshot would do. */
  readonly apply: boolean;
  /** Confirms what a run before has reported: this version in these stores, and as many deletions as there are. */
  readonly confirm?: boolean;
  /** Who asks, for the audit. */
  readonly by: string;
  readonly signal?: AbortSignal | undefined;
  /** Told the run's id as soon as it has one, before anything is decided. */
  readonly onRun?: (run: string) => void;
  /** Told every decision, one after the other; the run waits for it. */
  readonly onDecision?: (decision: Decision) => void | Promise<void>;
}

/** What was done in one store, or would be. */
export interface StoreCollection {
  readonly store: string;
  readonly mode: CollectionMode;
  /** False where a doubt or the mode stopped the deletion. */
  readonly isApplied: boolean;
  readonly counts: StepCounts;
}

/** What a run has found and done. */
export interface CollectReport {
  /** Of `holdfast.collector_run`. */
  readonly run: string;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly isApplied: boolean;
  readonly doubts: readonly Doubt[];
  readonly stores: readonly StoreCollection[];
}

/** What fsck can find. */
export type FindingKind =
  /** Bytes that the database does not know, in a section of an adopted schema. */
  | "UNKNOWN_BYTES"
  /** An object without its bytes. */
  | "MISSING"
  /** Bytes of another size than recorded. */
  | "SIZE"
  /** Bytes of another digest than recorded. */
  | "DIGEST"
  /** An object that nobody has verified yet. */
  | "UNVERIFIED"
  /** A row whose hold or object is absent: a foreign key was switched off. */
  | "DANGLING_ROW"
  /** A multipart upload that no upload of ours has. */
  | "OPEN_MULTIPART";

/** One thing that is not as it should be, and what became of it. */
export interface Finding {
  readonly kind: FindingKind;
  readonly store: string;
  readonly locator: string;
  readonly message: string;
  /** `healed`: bytes back from the trash or a version; `adopted`: an object row now, condemned; `verified`; `left`: nothing was done, or could be. */
  readonly outcome: "healed" | "adopted" | "verified" | "cleaned" | "left";
}

/** What a caller asks of {@link Collector.fsck}. */
export interface FsckRequest {
  readonly stores?: readonly string[];
  /** False: only tells. */
  readonly apply: boolean;
  /** Share of the objects whose bytes are read and digested, 0 to 1; 0 unless given: heads only. */
  readonly scrub?: number;
  readonly by: string;
  readonly signal?: AbortSignal | undefined;
  /** See {@link CollectRequest.onRun}. */
  readonly onRun?: (run: string) => void;
  readonly onFinding?: (finding: Finding) => void | Promise<void>;
}

/** What a check of stores has found. */
export interface FsckReport {
  readonly run: string;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly doubts: readonly Doubt[];
  readonly stores: readonly {
    readonly store: string;
    readonly objects: number;
    readonly scrubbedBytes: number;
    /** Findings by kind and outcome that were `left`, and those that were mended. */
    readonly found: Readonly<Record<FindingKind, number>>;
    readonly mended: number;
    /** Objects that rows need and whose bytes are nowhere. */
    readonly lost: number;
  }[];
}

/** What became of one locator that was to be revived. */
export interface Revival {
  readonly locator: string;
  /** `revived`: alive again, for another grace period; `alive`: it was; `gone`: nothing is left of it. */
  readonly outcome: "revived" | "alive" | "gone" | "busy";
  readonly message: string;
}

/** What a caller asks of {@link Collector.revive}. */
export interface ReviveRequest {
  /** Locators, `store:path`. */
  readonly locators: readonly string[];
  readonly by: string;
  readonly signal?: AbortSignal | undefined;
}

/** How a store is collected. */
export interface StorePolicy {
  readonly store: string;
  readonly mode: CollectionMode;
  /** From condemned to killed, seconds. */
  readonly graceSeconds: number;
  /** From hidden to purged, seconds. */
  readonly keepSeconds: number;
  /** From hidden until the key may be registered anew, seconds. */
  readonly drainSeconds: number;
}

/** The collector of a service. */
export interface Collector {
  /**
   * One round: release, condemn, kill, then hide, purge and reap until nothing is due. Any number may run at once, anywhere.
   * @throws {STORE_UNKNOWN}, {DATABASE_UNAVAILABLE}; never because of a doubt, which the report tells.
   */
  collect(request: CollectRequest): Promise<CollectReport>;
  /** Compares every store with the database, and with `apply` adopts, verifies and heals. Never deletes. */
  fsck(request: FsckRequest): Promise<FsckReport>;
  /** Brings condemned and killed objects back, from the trash too. */
  revive(request: ReviveRequest): Promise<readonly Revival[]>;
  policies(): Promise<readonly StorePolicy[]>;
  /** @throws {STORE_UNKNOWN}, {BAD_USER_INPUT} for a time that is none. */
  setPolicy(policy: Partial<StorePolicy> & { readonly store: string }, by: string): Promise<StorePolicy>;
  /** Ends what runs here; another process goes on with it. */
  close(): Promise<void>;
}
