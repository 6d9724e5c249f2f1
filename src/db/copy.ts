/** A transaction in which whole tables stream out of the database and into it (`COPY`); no row is ever held here. */

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Pool, PoolClient } from "pg";
import { from, to } from "pg-copy-streams";
import type { Queryable } from "./contract.ts";
import type { PostgresDatabase } from "./database.ts";
import { createSession } from "./session.ts";
import { toServiceError } from "./sqlstate.ts";
import { runTransaction } from "./transaction.ts";

/** One open transaction that can stream tables. One thing at a time: a stream is read to its end before the next statement. */
export interface CopyTransaction extends Queryable {
  /** The bytes of `COPY … TO STDOUT`. */
  copyOut(sql: string): AsyncIterable<Uint8Array>;
  /** Runs `COPY … FROM STDIN` with these bytes; answers the number of rows. What `body` throws reaches the caller unchanged. */
  copyIn(sql: string, body: AsyncIterable<Uint8Array>): Promise<number>;
}

/** How {@link copyTransaction} runs. */
export interface CopyOptions {
  /** True: read only, and everything is read as of one moment, that of the first statement that is no LOCK. */
  readonly isSnapshot: boolean;
  /** How long it waits for each lock; 10 s unless given. */
  readonly lockTimeoutMs?: number;
}

/** Commits when `work` returns, rolls back when it throws. No time limit of the server ends it. */
export async function copyTransaction<T>(
  { pool }: PostgresDatabase,
  work: (transaction: CopyTransaction) => Promise<T>,
  { isSnapshot, lockTimeoutMs = 10_000 }: CopyOptions,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw toServiceError(error);
  });
  const session = createSession(client, pool, { prepared: true, limits: new WeakMap() });
  const options = { lockTimeoutMs, statementTimeoutMs: 0, isSnapshot, readOnly: isSnapshot };
  return runTransaction(
    session,
    async (transaction) => {
      await transaction.query("SET LOCAL idle_in_transaction_session_timeout = 0");
      return work({
        query: transaction.query,
        copyOut: (sql) => copyOut(client, pool, sql),
        copyIn: (sql, body) => copyIn(client, sql, body),
      });
    },
    options,
  );
}

async function* copyOut(client: PoolClient, pool: Pool, sql: string): AsyncGenerator<Uint8Array> {
  const stream = client.query(to(sql));
  const state = { isWhole: false };
  try {
    // Not destroyed when the reader stops early: the connection must first have read what the server still sends.
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) yield chunk;
    state.isWhole = true;
  } catch (error) {
    state.isWhole = true;
    throw toServiceError(error);
  } finally {
    if (!state.isWhole) await cancelled(client, pool, stream);
  }
}

async function cancelled(client: PoolClient, pool: Pool, stream: Readable): Promise<void> {
  // The typings of node-postgres do not tell of the process id.
  const pid: unknown = Reflect.get(client, "processID");
  await pool.query("SELECT pg_cancel_backend($1)", [pid]).catch(() => undefined);
  await new Promise<void>((resolve) => {
    stream.once("close", resolve);
    stream.once("error", () => resolve());
    stream.once("end", resolve);
    stream.resume();
  });
}

async function copyIn(client: PoolClient, sql: string, body: AsyncIterable<Uint8Array>): Promise<number> {
  const stream = client.query(from(sql));
  const failed: { error?: unknown } = {};
  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      failed.error = error;
      throw error;
    }
  }
  try {
    await pipeline(Readable.from(watched(), { objectMode: false }), stream);
    return stream.rowCount;
  } catch (error) {
    throw failed.error ?? toServiceError(error);
  }
}
