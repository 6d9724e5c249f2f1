/** One transaction on one session: begin, limits, savepoints, commit or roll back, and a truthful answer about which it was. */

import { isServiceError, ServiceError } from "../errors.ts";
import type { Transaction } from "./contract.ts";
import type { Session } from "./session.ts";

/** Limits of one transaction. */
export interface TransactionOptions {
  readonly lockTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  readonly readOnly?: boolean;
  /** True: REPEATABLE READ. */
  readonly isSnapshot?: boolean;
}

const defaultLockTimeoutMs = 2000;

/**
 * Runs `work` in a transaction on `session`, READ COMMITTED unless it is a snapshot, and gives the session back.
 * @throws whatever `work` threw, after the roll-back; {DATABASE_UNAVAILABLE} with `details.outcome = "unknown"` when the connection
 * was lost during COMMIT.
 */
export async function runTransaction<T>(
  session: Session,
  work: (transaction: Transaction) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  const state = { open: true, failure: undefined as unknown };
  try {
    const reset = session.limit(undefined);
    if (reset !== undefined) await session.run(reset);
    await session.run(opening(options));
    const answer = await work(createTransaction(session, state));
    state.open = false;
    await commit(session, state.failure);
    return answer;
  } catch (error) {
    state.open = false;
    await session.run("ROLLBACK").catch(() => session.taint());
    throw error;
  } finally {
    session.release();
  }
}

function opening(options: TransactionOptions): string {
  const limits = [`SET LOCAL lock_timeout = ${Math.trunc(options.lockTimeoutMs ?? defaultLockTimeoutMs)}`];
  if (options.statementTimeoutMs !== undefined) {
    limits.push(`SET LOCAL statement_timeout = ${Math.trunc(options.statementTimeoutMs)}`);
  }
  const access = options.readOnly === true ? "READ ONLY" : "READ WRITE";
  const isolation = options.isSnapshot === true ? "REPEATABLE READ" : "READ COMMITTED";
  return [`BEGIN ISOLATION LEVEL ${isolation} ${access}`, ...limits].join("; ");
}

async function commit(session: Session, failure: unknown): Promise<void> {
  let tags: string[];
  try {
    tags = await session.run("COMMIT");
  } catch (error) {
    session.taint();
    // Where the server has refused the COMMIT nothing was committed. Where the connection ended nobody knows.
    if (!isServiceError(error, "DATABASE_UNAVAILABLE")) throw error;
    throw new ServiceError(
      "DATABASE_UNAVAILABLE",
      "The connection to PostgreSQL was lost while committing: the change may or may not have been made.",
      {
        details: { outcome: "unknown", remedy: "Look whether the change is there before trying again." },
        cause: error,
      },
    );
  }
  // PostgreSQL answers COMMIT with ROLLBACK when a statement had failed, even if the caller swallowed its error.
  if (tags.at(-1) === "ROLLBACK") {
    throw (
      failure ?? new ServiceError("INTERNAL_SERVER_ERROR", "The transaction was rolled back by PostgreSQL.")
    );
  }
}

function createTransaction(session: Session, state: { open: boolean; failure: unknown }): Transaction {
  let depth = 0;
  const stillOpen = (): void => {
    if (!state.open) throw new ServiceError("INTERNAL_SERVER_ERROR", "The transaction has ended already.");
  };
  return {
    query: async (text, values, options) => {
      stillOpen();
      options?.signal?.throwIfAborted();
      try {
        return await session.query(text, values, options);
      } catch (error) {
        state.failure = error;
        throw error;
      }
    },
    savepoint: async (work) => {
      stillOpen();
      const name = `s${++depth}`;
      await session.run(`SAVEPOINT ${name}`);
      try {
        const answer = await work();
        await session.run(`RELEASE SAVEPOINT ${name}`);
        return answer;
      } catch (error) {
        await session
          .run(`ROLLBACK TO SAVEPOINT ${name}; RELEASE SAVEPOINT ${name}`)
          .catch(() => session.taint());
        throw error;
      } finally {
        depth--;
      }
    },
  };
}
