/** Runs migrations by MikroORM, in one transaction under an advisory lock. Loaded only when there is something to run. */

import type { PostgresDatabase } from "./database.ts";
import type { MigrationText } from "./migrations/list.ts";
import { toServiceError } from "./sqlstate.ts";

/** ASCII "holdfast": only one process at a time migrates a database. */
const lockKey = "x'686f6c6466617374'::bigint";

/** Answers the names of the migrations that ran. `check` is called under the lock, and may refuse. */
export async function runPending(
  database: PostgresDatabase,
  list: readonly MigrationText[],
  check: () => Promise<void>,
): Promise<string[]> {
  const { Migrator } = await import("@mikro-orm/migrations");
  const { openOrm } = await import("./orm.ts");
  const { migrationClass } = await import("./migration-class.ts");
  const orm = await openOrm(database, {
    ownPool: true,
    migrations: {
      tableName: "holdfast.migration",
      migrationsList: list.map((migration) => ({ name: migration.name, class: migrationClass(migration) })),
      silent: true,
      // Otherwise a file appears in the working folder of whoever starts us.
      snapshot: false,
    },
    extensions: [Migrator],
  });
  try {
    const migrator = new Migrator(orm.em);
    const connection = orm.em.getConnection();
    return await connection.transactional(async (transaction) => {
      await connection.execute(
        `SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(${lockKey})`,
        [],
        "run",
        transaction,
      );
      await check();
      // Its table is then made in this transaction too: a failed migration leaves nothing.
      migrator.getStorage().setMasterMigration(transaction);
      const applied = await migrator.up({ transaction });
      return applied.map((migration) => migration.name);
    });
  } catch (error) {
    throw toServiceError(error);
  } finally {
    await orm.close(true);
  }
}
