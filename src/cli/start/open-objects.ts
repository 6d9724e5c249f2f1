/** The object side of a service: stores opened and identified, uploads cleaned up behind, imports as the settings allow them. */

import { lookup } from "node:dns/promises";
import type { Logger } from "pino";
import type { PostgresDatabase } from "../../db/database.ts";
import type { FaultPoints } from "../../object/fault-points.ts";
import type { ImportEvent } from "../../object/import-contract.ts";
import { createObjects, type Objects } from "../../object/objects.ts";
import type { OnMissing } from "../../object/reader.ts";
import { createRemote } from "../../remote/open.ts";
import type { StoreConfigs } from "../../store/config.ts";
import { openStores } from "../../store/open.ts";
import type { Settings } from "../settings.ts";

/** How often uploads that are over are cleaned up behind. */
const sweepMs = 60_000;

/** What the object side stands on. */
export interface ObjectParts {
  readonly settings: Settings;
  readonly storeConfigs: StoreConfigs;
  readonly db: PostgresDatabase;
  readonly faults: FaultPoints;
  readonly logger: Logger;
  /** Told of objects that reads have missed. */
  readonly onMissing: OnMissing;
}

/** Opens it, and tells what is wrong with stores. Closing ends what runs in the background. */
export async function openObjects(parts: ObjectParts): Promise<Objects> {
  const { settings, storeConfigs, db, faults, logger, onMissing } = parts;
  const untidy = (err: unknown, what?: string): void =>
    logger.warn(
      { err, what },
      "what an upload has left in its store could not be cleaned; it is tried again",
    );
  const objects = await createObjects({
    db,
    stores: await openStores(storeConfigs, { file: { faults } }),
    faults,
    onMissing,
    maxUploadBytes: settings.httpLimits.uploadBytes,
    sweep: { everyMs: sweepMs, log: untidy },
    ...importsOf(settings, logger),
  });
  for (const problem of objects.storeProblems.values()) logger.warn(problem);
  return objects;
}

/** Imports are off until a host is named. Each leaves its lines in the log: who, for which field, from which host. */
function importsOf({ imports, uploadQuota }: Settings, logger: Logger) {
  const { rules, limits, atATime } = imports;
  const resolve = (host: string) => lookup(host, { all: true });
  return {
    quota: uploadQuota,
    importsAtATime: atATime,
    remote: rules.length === 0 ? undefined : createRemote({ rules, limits, resolve }),
    onImport: (event: ImportEvent) => logger.info({ import: event }, `import ${event.event}`),
  };
}
