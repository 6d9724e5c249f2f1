/** A database whose statements end after a time, with an error that names it, and tell what of the model the database lacks. */

import type { Database, Queryable } from "../db/contract.ts";
import { isServiceError, type ServiceError } from "../errors.ts";
import { type ApiLimits, beyondLimit } from "./limits.ts";
import { tellDrift } from "./tell-drift.ts";

/** Gives every statement of `db`, also those in transactions, the limit's time. */
export function withStatementLimit(db: Database, limits: ApiLimits): Database {
  const { statementTimeoutMs } = limits;
  return {
    query: (text, values, options) =>
      named(() => db.query(text, values, { timeoutMs: statementTimeoutMs, ...options }), limits),
    transaction: (work, options) =>
      db.transaction(
        (transaction) =>
          work({ query: queryOf(transaction, limits), savepoint: (inner) => transaction.savepoint(inner) }),
        { statementTimeoutMs, ...options },
      ),
    close: () => db.close(),
  };
}

function queryOf(queryable: Queryable, limits: ApiLimits): Queryable["query"] {
  return (text, values, options) => named(() => queryable.query(text, values, options), limits);
}

async function named<T>(run: () => Promise<T>, limits: ApiLimits): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw isTimeout(error) ? tookTooLong(limits) : tellDrift(error);
  }
}

/** `query_canceled`: what PostgreSQL says when `statement_timeout` is over. */
function isTimeout(error: unknown): error is ServiceError {
  return isServiceError(error, "LIMIT_EXCEEDED") && error.details["sqlstate"] === "57014";
}

function tookTooLong(limits: ApiLimits): ServiceError {
  const what = `A statement took longer than ${limits.statementTimeoutMs} ms and was stopped`;
  return beyondLimit(what, "statementTimeoutMs", limits, { remedy: "Ask for less at once." });
}
