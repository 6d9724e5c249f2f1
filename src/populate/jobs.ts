/** Jobs of one table, as the entity API has them. */

import { isServiceError } from "../errors.ts";
import type { Values } from "./contract.ts";

/** Asks the entity API. @throws {ServiceError} */
export type Ask = <Data>(document: string, variables: Values, signal?: AbortSignal) => Promise<Data>;

/** A job that is ours for a while. */
export interface Job {
  readonly id: string;
  readonly key: Values;
  /** The key, as `Create…Input` takes it. */
  readonly input: Values;
}

/** Who makes, as others see it. */
export interface Worker {
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly leaseSeconds: number;
}

/** The jobs of a table. */
export class Jobs {
  readonly #ask: Ask;
  readonly #table: string;
  readonly #worker: Worker;

  constructor(ask: Ask, table: string, worker: Worker) {
    this.#ask = ask;
    this.#table = table;
    this.#worker = worker;
  }

  /** Adds jobs for keys that have neither row nor job. */
  async refresh(): Promise<void> {
    await this.#ask("mutation ($table: JobTable!) { refreshJobs(table: $table) { added } }", {
      table: this.#table,
    });
  }

  /** The next job; `undefined` where nothing waits. */
  async reserve(): Promise<Job | undefined> {
    const document = `mutation ($table: JobTable!, $lease: Float!, $host: String!, $pid: Int!, $version: String!) {
      reserved: reserveJob(table: $table, leaseSeconds: $lease, host: $host, pid: $pid, version: $version) { jobs { id key input } } }`;
    const { leaseSeconds: lease, host, pid, version } = this.#worker;
    const { reserved } = await this.#ask<{ reserved: { jobs: Job[] } }>(document, {
      table: this.#table,
      lease,
      host,
      pid,
      version,
    });
    return reserved.jobs[0];
  }

  /** Keeps the job; false when another worker has it. */
  async heartbeat({ id }: Job): Promise<boolean> {
    const document =
      "mutation ($ids: [ID!]!, $lease: Float!) { beat: heartbeatJob(jobs: $ids, leaseSeconds: $lease) { lost } }";
    const { beat } = await this.#ask<{ beat: { lost: string[] } }>(document, {
      ids: [id],
      lease: this.#worker.leaseSeconds,
    });
    return beat.lost.length === 0;
  }

  /** Writes the rows and ends the job, in one transaction. @throws {JOB_LOST} */
  async complete({ id, input }: Job, rows: readonly Values[], seconds: number): Promise<void> {
    const table = this.#table;
    const declared = rows.map((_, at) => `, $row${at}: Create${table}Input!`).join("");
    const creates = rows
      .map((_, at) => `row${at}: create${table}(input: $row${at}) { affected { count } }`)
      .join(" ");
    const document = `mutation ($id: ID!, $seconds: Float!, $version: String!${declared}) {
      ${creates} completeJob(job: $id, durationSeconds: $seconds, version: $version) { rows } }`;
    const given = Object.fromEntries(rows.map((row, at) => [`row${at}`, { ...row, ...input }]));
    await this.#ask(document, { id, seconds, version: this.#worker.version, ...given });
  }

  async fail({ id }: Job, message: string, stack: string | undefined): Promise<void> {
    const document =
      "mutation ($id: ID!, $message: String!, $stack: String) { failJob(job: $id, message: $message, stack: $stack) { job { status } } }";
    await this.#ask(document, { id, message, ...(stack !== undefined && { stack }) });
  }

  /** Ends the job, and has its key ignored from now on, in one transaction. @throws {JOB_LOST} so that a late worker takes no key from another. */
  async ignore({ id, key }: Job): Promise<void> {
    const document = `mutation ($table: JobTable!, $id: ID!, $keys: [JSON!]!) {
      completeJob(job: $id) { rows } ignoreJobs(table: $table, keys: $keys) { jobs { status } } }`;
    await this.#ask(document, { table: this.#table, id, keys: [key] });
  }

  /** Gives the job to whoever comes next. */
  async release({ id }: Job): Promise<void> {
    await this.#ask("mutation ($ids: [ID!]!) { releaseJobs(jobs: $ids) { lost } }", { ids: [id] });
  }
}

/** Whether the reservation is over. */
export function isLost(error: unknown): boolean {
  return isServiceError(error, "JOB_LOST");
}
