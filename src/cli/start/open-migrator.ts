/** Changes of codecs in a running service. */

import type { Logger } from "pino";
import type { PostgresDatabase } from "../../db/database.ts";
import { Migrator } from "../../migrate/migrator.ts";
import type { Objects } from "../../object/objects.ts";
import type { Engine } from "./engine.ts";
import type { LoadedModel } from "./load-model.ts";

interface MigratorSources {
  readonly db: PostgresDatabase;
  readonly loaded: LoadedModel;
  readonly objects: Objects;
  readonly engine: Engine;
  readonly logger: Logger;
}

export function openMigrator({ db, loaded, objects, engine, logger }: MigratorSources): Migrator {
  return new Migrator({ db, codecs: loaded.registry, objects, schema: engine, log: logger });
}
