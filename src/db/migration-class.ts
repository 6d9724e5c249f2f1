/** A {@link MigrationText} as the class that MikroORM's migrator wants. */

import { Migration } from "@mikro-orm/migrations";
import type { MigrationText } from "./migrations/list.ts";

/** The MikroORM migration that runs `text`. */
export function migrationClass(
  text: MigrationText,
): new (
  ...args: ConstructorParameters<typeof Migration>
) => Migration {
  return class extends Migration {
    override up(): void {
      for (const sql of text.sql) this.addSql(sql);
    }
  };
}
