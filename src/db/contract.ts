/** What the other parts know of the database. `src/db/database.ts` makes one; nothing else opens connections. */

export interface QueryResult<Row> {
  readonly rows: Row[];
  readonly rowCount: number;
}

/**
 * Something that runs SQL: the pool, or one transaction. PostgreSQL errors arrive as ServiceError, translated by SQLSTATE
 * (`src/db/sqlstate.ts`), with the original as `cause`.
 * Values come back as node-postgres gives them, except: int8, numeric, date, timestamp, timestamptz, interval and json/jsonb as text.
 */
export interface Queryable {
  query<Row = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
    options?: {
      /** Name of the server-side prepared statement; ignored behind transaction-mode poolers. */
      readonly name?: string;
      readonly signal?: AbortSignal | undefined;
      /** Outside a transaction: the server stops the statement after so long, with LIMIT_EXCEEDED; 0 and absent: the pool's limit. */
      readonly timeoutMs?: number;
    },
  ): Promise<QueryResult<Row>>;
}

/** One open transaction, READ COMMITTED. */
export interface Transaction extends Queryable {
  /** Runs `work` under a savepoint; a throw rolls back to it and is rethrown. */
  savepoint<T>(work: () => Promise<T>): Promise<T>;
}

/** The connection pool of one PostgreSQL database. */
export interface Database extends Queryable {
  /** Commits when `work` returns, rolls back when it throws. The session's `lock_timeout` is 2 s unless given. */
  transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options?: {
      readonly lockTimeoutMs?: number;
      readonly statementTimeoutMs?: number;
      readonly readOnly?: boolean;
    },
  ): Promise<T>;
  close(): Promise<void>;
}
