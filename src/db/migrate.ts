/** Brings Holdfast's own schema `holdfast` to this version: by MikroORM's migrator, in one transaction, one process at a time. */

import { ServiceError } from "../errors.ts";
import type { Queryable } from "./contract.ts";
import { connect, type PostgresDatabase } from "./database.ts";
import { type MigrationText, migrations } from "./migrations/list.ts";
import { runPending } from "./migrator.ts";

/** What {@link migrate} did. */
export interface MigrationOutcome {
  /** Names of the migrations that this call ran. */
  readonly applied: readonly string[];
  /** True when Holdfast had never been in this database. */
  readonly fresh: boolean;
}

/**
 * Runs the pending migrations; one query when there are none. Several processes may call it at once.
 * @throws {DATABASE_INCOMPATIBLE} for a database of a newer Holdfast, or with a schema `holdfast` that is not ours.
 */
export async function migrate(
  target: string | PostgresDatabase,
  list: readonly MigrationText[] = migrations,
): Promise<MigrationOutcome> {
  if (typeof target !== "string") return migrateDatabase(target, list);
  const database = await connect(target, { maxConnections: 2, applicationName: "holdfast migrate" });
  try {
    return await migrateDatabase(database, list);
  } finally {
    await database.close();
  }
}

async function migrateDatabase(
  database: PostgresDatabase,
  list: readonly MigrationText[],
): Promise<MigrationOutcome> {
  const known = new Set(list.map((migration) => migration.name));
  const before = await executedMigrations(database);
  refuseNewer(before, known);
  if (before !== undefined && before.length === known.size) return { applied: [], fresh: false };
  const applied = await runPending(database, list, async () => {
    // Whoever waited for the lock sees what the other process did.
    refuseNewer(await executedMigrations(database), known);
  });
  return { applied, fresh: before === undefined && applied.length > 0 };
}

/** Names recorded in the database; `undefined` when Holdfast has not been there. */
async function executedMigrations(queryable: Queryable): Promise<string[] | undefined> {
  const { rows } = await queryable.query<{ recorded: boolean; tables: number }>(
    `SELECT to_regclass('holdfast.migration') IS NOT NULL AS recorded,
            (SELECT count(*)::int FROM pg_class WHERE relnamespace = to_regnamespace('holdfast')) AS tables`,
  );
  const found = rows[0];
  if (found === undefined || (!found.recorded && found.tables === 0)) return undefined;
  if (!found.recorded) {
    throw new ServiceError(
      "DATABASE_INCOMPATIBLE",
      "The database has a schema holdfast that Holdfast did not make.",
      {
        details: { remedy: "Rename that schema, or give Holdfast another database." },
      },
    );
  }
  const names = await queryable.query<{ name: string }>("SELECT name FROM holdfast.migration ORDER BY id");
  return names.rows.map((row) => row.name);
}

function refuseNewer(executed: readonly string[] | undefined, known: ReadonlySet<string>): void {
  const unknown = (executed ?? []).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new ServiceError(
    "DATABASE_INCOMPATIBLE",
    `The database was set up by a newer Holdfast: this one does not know ${unknown.join(", ")}.`,
    { details: { value: unknown, remedy: "Start the Holdfast version that set it up, or a newer one." } },
  );
}
