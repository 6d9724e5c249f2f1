/** MikroORM over the pool of a {@link PostgresDatabase}: entities of Holdfast's own tables, Kysely, migrations. Never used on user tables. */

import { MikroORM, type Options } from "@mikro-orm/postgresql";
import { PostgresDialect } from "kysely";
import { Pool } from "pg";
import type { PostgresDatabase } from "./database.ts";
import { entities } from "./entities.ts";

export type Orm = MikroORM;

/** How {@link openOrm} opens. */
export interface OrmOptions {
  /** A small pool of its own instead of the database's: for work that waits while it holds a connection. */
  readonly ownPool?: boolean;
  readonly migrations?: NonNullable<Options["migrations"]>;
  readonly extensions?: NonNullable<Options["extensions"]>;
}

/** Opens MikroORM on the database's own connections. Closing it leaves the database open. */
export async function openOrm(database: PostgresDatabase, options: OrmOptions = {}): Promise<MikroORM> {
  const pool = options.ownPool === true ? new Pool({ ...database.config, max: 2 }) : database.pool;
  if (options.ownPool === true) pool.on("error", () => undefined);
  const { rows } = await database.query<{ name: string }>("SELECT current_database() AS name");
  return MikroORM.init({
    dbName: rows[0]?.name ?? "",
    entities: [...entities],
    extensions: options.extensions ?? [],
    ...(options.migrations === undefined ? {} : { migrations: options.migrations }),
    // It exists, and looking for it would replace the migrator's storage under our hands.
    ensureDatabase: false,
    discovery: { warnWhenNoEntities: false },
    driverOptions: new PostgresDialect({
      pool: {
        options: pool.options,
        connect: () => pool.connect(),
        end: async () => {
          if (options.ownPool === true) await pool.end();
        },
      },
    }),
  });
}
