/** One connection that listens, opened again whenever it is lost. A notification only wakes: what happened stands in tables. */

import { Client } from "pg";
import type { PostgresDatabase } from "./database.ts";

/** What listening stands on. */
export interface ListenOptions {
  readonly channel: string;
  /** Called for each notification, and each time that the connection is there (again): something may have been missed. */
  onWake(): void;
  /** Called when the connection is lost or cannot be had; it is tried again. */
  onLost(error: unknown): void;
}

/** A connection that listens until it is closed. */
export interface Listening {
  close(): Promise<void>;
}

const firstRetryMs = 100;
const longestRetryMs = 10_000;

/** Begins to listen; answers at once, whether there is a connection yet or not. */
export function listenTo({ config }: Pick<PostgresDatabase, "config">, options: ListenOptions): Listening {
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let waitMs = firstRetryMs;
  const lost = (which: Client, error: unknown): void => {
    if (which !== client || closed) return;
    client = undefined;
    which.end().catch(() => undefined);
    options.onLost(error);
    timer = setTimeout(open, waitMs * (0.5 + Math.random() / 2));
    waitMs = Math.min(waitMs * 2, longestRetryMs);
  };
  const open = (): void => {
    const made = new Client({ ...config, application_name: "holdfast changes", keepAlive: true });
    client = made;
    made.on("error", (error) => lost(made, error));
    made.on("end", () => lost(made, new Error("The connection has ended.")));
    made.on("notification", () => options.onWake());
    made
      .connect()
      .then(() => made.query(`LISTEN ${options.channel}`))
      .then(() => {
        waitMs = firstRetryMs;
        if (client === made && !closed) options.onWake();
      })
      .catch((error: unknown) => lost(made, error));
  };
  open();
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
