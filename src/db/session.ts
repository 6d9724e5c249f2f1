/** One connection taken from the pool for one piece of work: runs statements, cancels them, and knows whether it may go back. */

import { Client, type QueryResult as PgResult, type Pool, type PoolClient, Query } from "pg";
import type { ServiceError } from "../errors.ts";
import type { QueryResult } from "./contract.ts";
import { sqlstateOf, toServiceError } from "./sqlstate.ts";

interface RunOptions {
  readonly name?: string;
  readonly signal?: AbortSignal | undefined;
  /** See {@link Session.limit}. */
  readonly timeoutMs?: number;
  /** A statement of its own, outside a transaction: may run again where the server forgot its prepared form. */
  readonly mayRepeat?: boolean;
}

/** What all sessions of one pool share. */
export interface SessionOptions {
  readonly prepared: boolean;
  /** Limit of the pool's statements. */
  readonly statementTimeoutMs?: number | undefined;
  /** `statement_timeout` of connections where it is not the pool's: it stays, because the next request mostly wants the same. */
  readonly limits: WeakMap<PoolClient, number>;
}

/** A connection held by one piece of work. */
export interface Session {
  /** @throws {ServiceError} translated by SQLSTATE; the signal's reason when it was the signal that stopped it. */
  query<Row>(text: string, values?: readonly unknown[], options?: RunOptions): Promise<QueryResult<Row>>;
  /** What to send before a statement, so that it ends after `timeoutMs`, or the pool's limit; `undefined` where that is so already. */
  limit(timeoutMs: number | undefined): string | undefined;
  /** Several statements in one message, without values; the command tags, in order. */
  run(text: string): Promise<string[]>;
  /** Gives the connection back, or closes it when its state is in doubt. */
  release(): void;
  /** Marks the connection as not to be used by anyone else. */
  taint(): void;
}

/** A prepared statement that no longer fits its table, or that the server has forgotten. */
const staleStatement: ReadonlySet<string> = new Set(["0A000", "26000"]);
const queryCanceled = "57014";

/** Wraps `client`; `pool` serves the second connection that cancelling needs. */
export function createSession(client: PoolClient, pool: Pool, options: SessionOptions): Session {
  return new ClientSession(client, pool, options);
}

class ClientSession implements Session {
  readonly #client: PoolClient;
  readonly #pool: Pool;
  readonly #options: SessionOptions;
  #tainted = false;

  constructor(client: PoolClient, pool: Pool, options: SessionOptions) {
    this.#client = client;
    this.#pool = pool;
    this.#options = options;
  }

  async query<Row>(
    text: string,
    values?: readonly unknown[],
    how: RunOptions = {},
  ): Promise<QueryResult<Row>> {
    const stop =
      how.signal === undefined
        ? undefined
        : cancelOn(how.signal, this.#client, this.#pool, () => this.taint());
    try {
      const change = how.mayRepeat === true ? this.limit(how.timeoutMs) : undefined;
      if (change !== undefined) await send(this.#client, { text: change });
      const last = (await this.#attempt(text, values, how)).at(-1);
      // The caller names the shape of the rows that its own SQL selects.
      return { rows: (last?.rows ?? []) as Row[], rowCount: last?.rowCount ?? 0 };
    } catch (error) {
      if (how.signal?.aborted === true && sqlstateOf(error) === queryCanceled) throw how.signal.reason;
      throw this.#fault(error);
    } finally {
      const cancelling = stop?.();
      if (cancelling !== undefined) await cancelling;
    }
  }

  async run(text: string): Promise<string[]> {
    try {
      return (await send(this.#client, { text })).map((result) => result.command);
    } catch (error) {
      throw this.#fault(error);
    }
  }

  limit(timeoutMs: number | undefined): string | undefined {
    return this.#options.prepared ? changeLimit(this.#client, timeoutMs, this.#options) : undefined;
  }

  release(): void {
    this.#client.release(this.#tainted);
  }

  taint(): void {
    this.#tainted = true;
  }

  #attempt(
    text: string,
    values: readonly unknown[] | undefined,
    how: RunOptions,
  ): Promise<readonly PgResult[]> {
    const name = this.#options.prepared ? how.name : undefined;
    if (name === undefined) return send(this.#client, { text, values });
    return send(this.#client, { text, values, name }).catch((error: unknown) => {
      if (!staleStatement.has(sqlstateOf(error) ?? "")) throw error;
      this.taint();
      if (how.mayRepeat !== true) throw error;
      return send(this.#client, { text, values });
    });
  }

  #fault(error: unknown): ServiceError {
    const translated = toServiceError(error);
    // The pool learns of the end of a connection a moment later than we do, and would give it to the next.
    if (translated.code === "DATABASE_UNAVAILABLE") this.taint();
    return translated;
  }
}

interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
  readonly name?: string;
}

/** By a query object: a plain description of one would be copied by node-postgres, property by property. */
function send(client: PoolClient, { text, values, name }: Statement): Promise<readonly PgResult[]> {
  return new Promise((resolve, reject) => {
    const answered = (error: Error | null | undefined, result: unknown): void => {
      // A list where the text has several statements.
      if (error === null || error === undefined)
        resolve((Array.isArray(result) ? result : [result]) as readonly PgResult[]);
      else reject(error);
    };
    const query = values === undefined ? new Query(text, answered) : new Query(text, [...values], answered);
    // The class has a name, its typings do not.
    client.query(name === undefined ? query : Object.assign(query, { name }));
  });
}

/** 0 stands for the pool's. */
function changeLimit(
  client: PoolClient,
  timeoutMs = 0,
  { statementTimeoutMs: usual, limits }: SessionOptions,
): string | undefined {
  const wanted = Math.trunc(timeoutMs);
  if (wanted === (limits.get(client) ?? 0)) return undefined;
  limits.set(client, wanted);
  if (wanted === 0 && usual === undefined) return "RESET statement_timeout";
  return `SET statement_timeout = ${wanted || Math.trunc(usual ?? 0)}`;
}

/** Cancels the running statement when the signal fires. The answer ends the watch, and waits for a cancel on its way. */
function cancelOn(
  signal: AbortSignal,
  client: PoolClient,
  pool: Pool,
  taint: () => void,
): () => Promise<void> | undefined {
  signal.throwIfAborted();
  let ended: PromiseWithResolvers<"ended"> | undefined;
  let cancelling: Promise<void> | undefined;
  const cancel = (): void => {
    // A cancel may arrive after the statement has ended and hit the next one: this connection serves nobody else.
    taint();
    ended = Promise.withResolvers();
    cancelling = cancelUntil(ended.promise, () => cancelBackend(client, pool));
  };
  signal.addEventListener("abort", cancel, { once: true });
  return () => {
    signal.removeEventListener("abort", cancel);
    ended?.resolve("ended");
    return cancelling;
  };
}

const cancelEveryMs = 250;

/** More than once, because a cancel that overtakes its statement on the way finds nothing to cancel. */
async function cancelUntil(ended: Promise<"ended">, cancel: () => Promise<void>): Promise<void> {
  for (let answer: unknown; answer !== "ended"; ) {
    await cancel();
    const timer = Promise.withResolvers<void>();
    const timeout = setTimeout(timer.resolve, cancelEveryMs);
    answer = await Promise.race([ended, timer.promise]);
    clearTimeout(timeout);
  }
}

async function cancelBackend(client: PoolClient, pool: Pool): Promise<void> {
  // Every node-postgres client knows its server process; the typings do not.
  const pid = "processID" in client ? client.processID : undefined;
  // Not from the pool: all of its connections may be waiting for this one.
  const other = new Client(pool.options);
  other.on("error", () => undefined);
  try {
    await other.connect();
    await other.query("SELECT pg_cancel_backend($1)", [pid]);
  } catch {
    // The statement then ends by itself; its caller gets the truth either way.
  } finally {
    await other.end().catch(() => undefined);
  }
}
