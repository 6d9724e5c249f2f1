/**
 * The contract of makers, public as `holdfast/populate`.
 *
 * A maker computes the row of one key of an Imported or Computed table. Any number of workers, in any language, share the keys through the
 * table's jobs: each key is made once. See `docs/guide/populate.md`.
 */

/** Values by name, as GraphQL gives and takes them. */
export type Values = Readonly<Record<string, unknown>>;

/** What a maker works with. */
export interface MakeTools {
  /** Asks the entity API. @throws {ServiceError} the first error of the answer. */
  ask<Data = Values>(document: string, variables?: Values): Promise<Data>;
  /**
   * Sends a large value ahead, and answers the upload's id, for `{field: {upload: id}}` in the row: a file or folder by its path, or bytes.
   * `field`: of the table itself, or `Part.field`. What no row takes goes away by itself.
   */
  upload(field: string, content: string | NamedBytes): Promise<string>;
  /** To be answered for a key that has no row, now or later: it is ignored until its job is reset. */
  readonly skip: typeof skipped;
  /** Aborted when the worker is to stop, or has lost the key to another one. */
  readonly signal: AbortSignal;
}

/** A file in memory. */
export interface NamedBytes {
  readonly filename: string;
  readonly bytes: Uint8Array;
}

/** What `MakeTools.skip` is. */
export const skipped: unique symbol = Symbol("skip");

/** A row without its key, as `Create…Input` takes it, parts included; several where the table's key goes beyond its references. */
export type Made = Values | readonly Values[] | typeof skipped;

/** Computes rows of one table. */
export interface Maker {
  /** Type name of the table. */
  readonly table: string;
  /** Of the code, at most 64 characters; recorded with the job and in `_job_version` where the table has it. */
  readonly version?: string;
  /**
   * Makes what belongs to `key`: its fields by name. Nothing is written before it answers; then the rows and the end of the job are written in
   * one transaction. What it throws becomes the error of the job.
   */
  make(key: Values, tools: MakeTools): Promise<Made> | Made;
}

/** Gives a maker its types; the default export of a maker's file. */
export function definePopulate(maker: Maker): Maker {
  return maker;
}

/** What became of one key. */
export interface Outcome {
  readonly table: string;
  readonly key: Values;
  /** LOST: another worker has the key, and what was made here was dropped. */
  readonly state: "MADE" | "SKIPPED" | "FAILED" | "LOST";
  /** Of the maker. */
  readonly seconds: number;
  /** Why, where it is FAILED or LOST. */
  readonly message?: string;
}
