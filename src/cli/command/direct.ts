/** How commands work on database and stores themselves: what streams gigabytes does not go through a service. */

import { connect, type PostgresDatabase } from "../../db/database.ts";
import { migrate } from "../../db/migrate.ts";
import { ServiceError } from "../../errors.ts";
import { identifyStores } from "../../object/identified-stores.ts";
import { registerStores } from "../../object/register-stores.ts";
import type { StoreConfigs } from "../../store/config.ts";
import type { Stores } from "../../store/contract.ts";
import { openStores } from "../../store/open.ts";
import { Interrupted, type Interruption, takeSignals } from "../interrupt.ts";
import type { Settings } from "../settings.ts";
import { databasePlace, openDatabase } from "../start/open-database.ts";
import { runningServer } from "../start/server-file.ts";
import type { Call } from "./context.ts";

/** What the work stands on. */
export interface Direct {
  readonly database: PostgresDatabase;
  /** Registered and identified. */
  readonly stores: Stores;
  /** Aborted when the user wants it to end. */
  readonly signal: AbortSignal;
}

interface Needs {
  readonly storeConfigs: StoreConfigs;
  /** True: where a service runs on the data folder, its database is worked on, beside it. */
  readonly joins: boolean;
}

/** @throws {BAD_USER_INPUT} for a server that was named: it may be anywhere. */
export async function withDatabase<T>(
  call: Call,
  { storeConfigs, joins }: Needs,
  work: (direct: Direct) => Promise<T>,
): Promise<T> {
  return connected(call, joins, async ({ database, signal }) => {
    await migrate(database);
    const opened = await openStores(storeConfigs);
    await registerStores(database, opened);
    const { stores } = await identifyStores(database, opened);
    return work({ database, stores, signal });
  });
}

/** The same, for looks: the database is as it is, whether Holdfast has been there or not. */
export function withDatabaseAsIs<T>(
  call: Call,
  work: (direct: Omit<Direct, "stores">) => Promise<T>,
): Promise<T> {
  return connected(call, true, work);
}

async function connected<T>(
  call: Call,
  joins: boolean,
  work: (direct: Omit<Direct, "stores">) => Promise<T>,
): Promise<T> {
  if (call.server !== undefined) {
    throw new ServiceError(
      "BAD_USER_INPUT",
      "--server has no effect here: the command works on the database itself.",
      {
        details: { field: "--server", remedy: "Run it where the data folder is, or with DATABASE_URL." },
      },
    );
  }
  const signals = takeSignals();
  const stop = new AbortController();
  void signals.asked.then(() => stop.abort(new Interrupted()));
  try {
    await using stack = new AsyncDisposableStack();
    const url = await urlFor(call.settings, { joins, stack, signals });
    const { prepared } = call.settings;
    const database = stack.adopt(await connect(url, { prepared }), (db) => db.close());
    return await work({ database, signal: stop.signal });
  } catch (error) {
    // What was cut off by the wish to stop says so in many words.
    throw signals.wasAsked() ? new Interrupted() : error;
  } finally {
    signals.dispose();
  }
}

interface Opening {
  readonly joins: boolean;
  readonly stack: AsyncDisposableStack;
  readonly signals: Interruption;
}

async function urlFor(settings: Settings, { joins, stack, signals }: Opening): Promise<string> {
  const running = joins ? await runningServer(settings.dataFolder) : undefined;
  const isSame = running?.database === databasePlace(settings);
  if (isSame && running.databaseUrl !== undefined) return running.databaseUrl;
  const opened = stack.adopt(await openDatabase(settings), (own) => own.stop());
  signals.beforeExit(() => opened.stop());
  return opened.url;
}
