/** The longest that a service waits for a lock, looked at every 25 ms. */

import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";

export interface LockWatch {
  /** Milliseconds, and what waited. */
  close(): Promise<{ readonly longestMs: number; readonly statement: string }>;
}

export async function watchLocks(url: string): Promise<LockWatch> {
  const db = new Client({ connectionString: url });
  await db.connect();
  let isOpen = true;
  const longest = { longestMs: 0, statement: "" };
  const watching = (async () => {
    while (isOpen) {
      const { rows } = await db.query<{ ms: number; statement: string }>(
        `SELECT extract(epoch FROM clock_timestamp() - l.waitstart)::float8 * 1000 AS ms, left(a.query, 200) AS statement
         FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.application_name LIKE 'holdfast%' AND NOT l.granted AND l.waitstart IS NOT NULL ORDER BY 1 DESC LIMIT 1`,
      );
      const [row] = rows;
      if (row !== undefined && row.ms > longest.longestMs)
        Object.assign(longest, { longestMs: Math.round(row.ms), statement: row.statement });
      await delay(25);
    }
  })();
  return {
    close: async () => {
      isOpen = false;
      await watching;
      await db.end();
      return { ...longest };
    },
  };
}
