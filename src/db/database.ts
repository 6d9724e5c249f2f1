/** The connection pool of one PostgreSQL database: typed values, transactions, cancelling, errors as ServiceError. */

import { Pool, type PoolConfig } from "pg";
import { ServiceError } from "../errors.ts";
import type { Database, Queryable, QueryResult, Transaction } from "./contract.ts";
import { createSession, type Session, type SessionOptions } from "./session.ts";
import { toServiceError } from "./sqlstate.ts";
import { runTransaction, type TransactionOptions } from "./transaction.ts";
import { createValueTypes } from "./value-types.ts";

/** How {@link connect} opens its pool. */
export interface ConnectOptions {
  /** Connections at most; 20 unless given, 2 at least. */
  readonly maxConnections?: number;
  /** False behind a transaction-mode pooler (PgBouncer): statements get no names, and only transactions get time limits. */
  readonly prepared?: boolean;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName?: string;
  /** Limit of one statement; none unless given. */
  readonly statementTimeoutMs?: number;
}

type QueryOptions = Parameters<Queryable["query"]>[2];

/** A {@link Database} with what the other files of this folder need of it. */
export interface PostgresDatabase extends Database {
  readonly pool: Pool;
  readonly config: PoolConfig;
}

/**
 * Opens a pool on `url` and proves that the server can serve Holdfast.
 * @throws {DATABASE_UNAVAILABLE} when it cannot be reached, {DATABASE_INCOMPATIBLE} when it is older than 15 or not in UTF-8, {CONFIG_INVALID} for a bad URL.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<PostgresDatabase> {
  const config = poolConfig(url, options);
  const database = createDatabase(new Pool(config), config, options);
  try {
    await proveServer(database);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

function poolConfig(url: string, options: ConnectOptions): PoolConfig {
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new ServiceError("CONFIG_INVALID", "DATABASE_URL is not a PostgreSQL URL.", {
      details: { field: "DATABASE_URL", remedy: "Write postgresql://user:password@host:port/database." },
    });
  }
  return {
    connectionString: url,
    max: Math.max(2, options.maxConnections ?? 20),
    application_name: options.applicationName ?? "holdfast",
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    types: createValueTypes(),
    onConnect: (client) => client.query(sessionSettings(options)).then(() => undefined),
  };
}

/** Settings on which the text form of values depends; a role or database may have set others. */
function sessionSettings(options: ConnectOptions): string {
  const settings = [
    "SET timezone = 'UTC'",
    "SET datestyle = 'ISO, MDY'",
    "SET intervalstyle = 'postgres'",
    "SET extra_float_digits = 1",
    "SET bytea_output = 'hex'",
  ];
  const limit = options.statementTimeoutMs;
  // Behind a transaction-mode pooler a session setting would stay with a connection that others use next.
  if (limit !== undefined && options.prepared !== false)
    settings.push(`SET statement_timeout = ${Math.trunc(limit)}`);
  return settings.join("; ");
}

function createDatabase(pool: Pool, config: PoolConfig, options: ConnectOptions): PostgresDatabase {
  // A connection that the server drops while idle is replaced at the next query; it must not end the process.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  const { prepared = true, statementTimeoutMs } = options;
  const shared: SessionOptions = { prepared, statementTimeoutMs, limits: new WeakMap() };
  const acquire = (): Promise<Session> => openSession(pool, shared);
  let closing: Promise<void> | undefined;
  return {
    pool,
    config,
    query: async <Row>(text: string, values?: readonly unknown[], how?: QueryOptions) => {
      how?.signal?.throwIfAborted();
      const session = await acquire();
      const limit = options.prepared === false ? how?.timeoutMs : undefined;
      if (limit !== undefined) {
        const work = (transaction: Transaction) => transaction.query<Row>(text, values, how);
        return await runTransaction(session, work, { statementTimeoutMs: limit });
      }
      try {
        return await session.query<Row>(text, values, { ...how, mayRepeat: true });
      } finally {
        session.release();
      }
    },
    transaction: async <T>(work: (transaction: Transaction) => Promise<T>, how: TransactionOptions = {}) => {
      const limit = how.statementTimeoutMs ?? options.statementTimeoutMs;
      return runTransaction(
        await acquire(),
        work,
        limit === undefined ? how : { ...how, statementTimeoutMs: limit },
      );
    },
    close: () => {
      closing ??= pool.end();
      return closing;
    },
  };
}

function openSession(pool: Pool, options: SessionOptions): Promise<Session> {
  return pool.connect().then(
    (client) => createSession(client, pool, options),
    (error: unknown) => {
      throw toServiceError(error);
    },
  );
}

async function proveServer(database: Database): Promise<void> {
  const { rows }: QueryResult<{ version: string; encoding: string; name: string }> = await database.query(
    "SELECT current_setting('server_version_num') AS version, current_setting('server_encoding') AS encoding, current_database() AS name",
  );
  const server = rows[0];
  if (server === undefined) return;
  if (Number(server.version) < 150_000) {
    throw new ServiceError(
      "DATABASE_INCOMPATIBLE",
      `PostgreSQL ${Math.trunc(Number(server.version) / 10_000)} is too old.`,
      { details: { remedy: "Use PostgreSQL 15 or newer." } },
    );
  }
  if (server.encoding !== "UTF8") {
    throw new ServiceError(
      "DATABASE_INCOMPATIBLE",
      `The database ${server.name} is encoded in ${server.encoding}.`,
      {
        details: { remedy: "Create it with ENCODING 'UTF8'." },
      },
    );
  }
}
