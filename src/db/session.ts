/** One connection taken from the pool for one piece of work: runs statements, cancels them, and knows whether it may go back. */

import { Client, type QueryResult as PgResult, type Pool, type PoolClient } from "pg";
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
  const limit = (timeoutMs: number | undefined): string | undefined =>
    options.prepared ? changeLimit(client, timeoutMs, options) : undefined;
  let tainted = false;
  const taint = (): void => {
    tainted = true;
  };
  const send = async (text: string, values: readonly unknown[] | undefined, name: string | undefined) => {
    const query = { text, ...(values === undefined ? {} : { values: [...values] }) };
    const result: PgResult | PgResult[] = await client.query(name === undefined ? query : { ...query, name });
    return Array.isArray(result) ? result : [result];
  };
  const attempt = async (text: string, values: readonly unknown[] | undefined, how: RunOptions) => {
    const name = options.prepared ? how.name : undefined;
    try {
      return await send(text, values, name);
    } catch (error) {
      if (name === undefined || !staleStatement.has(sqlstateOf(error) ?? "")) throw error;
      taint();
      if (how.mayRepeat !== true) throw error;
      return send(text, values, undefined);
    }
  };
  const fault = (error: unknown): ServiceError => {
    const translated = toServiceError(error);
    // The pool learns of the end of a connection a moment later than we do, and would give it to the next.
    if (translated.code === "DATABASE_UNAVAILABLE") taint();
    return translated;
  };
  return {
    query: async <Row>(text: string, values?: readonly unknown[], how: RunOptions = {}) => {
      const stop = cancelOn(how.signal, client, pool, taint);
      try {
        const change = how.mayRepeat === true ? limit(how.timeoutMs) : undefined;
        if (change !== undefined) await send(change, undefined, undefined);
        const last = (await attempt(text, values, how)).at(-1);
        // The caller names the shape of the rows that its own SQL selects.
        return { rows: (last?.rows ?? []) as Row[], rowCount: last?.rowCount ?? 0 };
      } catch (error) {
        if (how.signal?.aborted === true && sqlstateOf(error) === queryCanceled) throw how.signal.reason;
        throw fault(error);
      } finally {
        await stop();
      }
    },
    run: async (text) => {
      try {
        return (await send(text, undefined, undefined)).map((result) => result.command);
      } catch (error) {
        throw fault(error);
      }
    },
    limit,
    release: () => client.release(tainted),
    taint,
  };
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
  signal: AbortSignal | undefined,
  client: PoolClient,
  pool: Pool,
  taint: () => void,
): () => Promise<void> {
  if (signal === undefined) return async () => undefined;
  signal.throwIfAborted();
  const ended = Promise.withResolvers<"ended">();
  let cancelling: Promise<void> | undefined;
  const cancel = (): void => {
    // A cancel may arrive after the statement has ended and hit the next one: this connection serves nobody else.
    taint();
    cancelling = cancelUntil(ended.promise, () => cancelBackend(client, pool));
  };
  signal.addEventListener("abort", cancel, { once: true });
  return async () => {
    signal.removeEventListener("abort", cancel);
    ended.resolve("ended");
    await cancelling;
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
