/** One connection of a forced interleaving: runs a statement now, or starts it behind a lock and proves that it waits there. */

import { Client } from "pg";

/** What a statement that was started in the background came to. */
export type Outcome =
  | { readonly ok: true; readonly rows: readonly Record<string, unknown>[]; readonly count: number }
  | { readonly ok: false; readonly sqlstate: string };

/** A statement that was seen waiting for a lock. */
export interface Waiting {
  /** Waits until it is done; fails when it still waits after 10 s. */
  join(): Promise<Outcome>;
}

/** A connection under the scheduler's hand. */
export class Session {
  readonly #client: Client;
  #pid = 0;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async open(url: string): Promise<Session> {
    const session = new Session(new Client({ connectionString: url }));
    session.#client.on("error", () => undefined);
    await session.#client.connect();
    session.#pid = (await session.value<number>("SELECT pg_backend_pid()")) ?? 0;
    return session;
  }

  close(): Promise<void> {
    return this.#client.end();
  }

  /** Runs `sql` to its end; the number of rows it touched. */
  async run(sql: string, ...values: unknown[]): Promise<number> {
    const result = await this.#client.query(sql, values.length === 0 ? undefined : values);
    return result.rowCount ?? 0;
  }

  /** First column of the first row. */
  async value<T>(sql: string, ...values: unknown[]): Promise<T | undefined> {
    const result = await this.#client.query<T[]>({ text: sql, values, rowMode: "array" });
    return result.rows[0]?.[0];
  }

  /** SQLSTATE of the error that `sql` ends with; `undefined` when it succeeds. */
  async sqlstate(sql: string, ...values: unknown[]): Promise<string | undefined> {
    const outcome = await this.#attempt(sql, values);
    return outcome.ok ? undefined : outcome.sqlstate;
  }

  /** Starts `sql`, and returns when `monitor` sees it wait for a lock; fails when it ends without waiting. */
  async blocked(monitor: Session, sql: string, ...values: unknown[]): Promise<Waiting> {
    let ended: Outcome | undefined;
    const running = this.#attempt(sql, values).then((outcome) => {
      ended = outcome;
      return outcome;
    });
    for (let attempt = 0; attempt < 400; attempt++) {
      if (ended !== undefined) throw new Error(`expected to block, got ${JSON.stringify(ended)}`);
      const waits = await monitor.value<boolean>(
        "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1",
        this.#pid,
      );
      if (waits === true) return { join: () => within(running, 10_000) };
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error("neither blocked nor done");
  }

  async #attempt(sql: string, values: unknown[]): Promise<Outcome> {
    try {
      const result = await this.#client.query(sql, values.length === 0 ? undefined : values);
      return { ok: true, rows: result.rows, count: result.rowCount ?? 0 };
    } catch (error) {
      if (error instanceof Error && "code" in error) return { ok: false, sqlstate: String(error.code) };
      throw error;
    }
  }
}

async function within(running: Promise<Outcome>, milliseconds: number): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("still blocked")), milliseconds);
  });
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}
