/** What the system API stands on, from the parts of a service. */

import type { Logger } from "pino";
import { importUpload } from "../../api/write/import-upload.ts";
import {
  endUpload,
  finishUpload,
  requestUpload,
  signUpload,
  tellUpload,
} from "../../api/write/request-upload.ts";
import { requireWritable } from "../../api/write/writable.ts";
import type { Collector } from "../../collector/contract.ts";
import type { PostgresDatabase } from "../../db/database.ts";
import type { HealthCheck } from "../../http/health-route.ts";
import type { Migrator } from "../../migrate/migrator.ts";
import type { Objects } from "../../object/objects.ts";
import { listReferrers } from "../../object/referrers.ts";
import type { Change } from "../../sql/change.ts";
import type { Stores } from "../../store/contract.ts";
import { RunsHere } from "../../system/collector/runs-here.ts";
import type { SystemServices } from "../../system/services.ts";
import { packageVersion } from "../version.ts";
import type { Engine } from "./engine.ts";
import type { LoadedModel } from "./load-model.ts";
import { loggedRotation } from "./logged-rotation.ts";

/** The parts of a service that the system API tells of, or acts on. */
interface SystemParts {
  readonly db: PostgresDatabase;
  readonly stores: Stores;
  readonly loaded: LoadedModel;
  readonly objects: Objects;
  readonly collector: Collector;
  readonly engine: Engine;
  readonly migrator: Migrator;
  readonly logger: Logger;
  /** Of the model of the moment. */
  apiSdl(): string;
  checks(): Promise<readonly HealthCheck[]>;
}

export function systemServices(parts: SystemParts): SystemServices {
  const { db, stores, loaded, engine, collector, logger } = parts;
  const shown = ({ changes }: { changes: readonly Change[] }) =>
    changes.map(({ kind, summary, sql, destructive, entity, refusal }) => ({
      kind,
      summary,
      sql,
      destructive,
      entity: entity ?? null,
      refusal: refusal === undefined ? null : { message: refusal.message, remedy: refusal.remedy },
    }));
  const uploadServices = () => ({ model: engine.model(), codecs: loaded.registry, ...parts.objects });
  return {
    version: packageVersion(),
    startedAt: new Date(),
    db,
    stores,
    codecs: loaded.registry.all,
    codecSources: loaded.codecSources,
    drivers: [...(loaded.storeConfigs.drivers?.byProtocol.values() ?? [])],
    brokenPlugins: loaded.broken,
    served: () => ({ model: engine.model(), source: engine.source(), apiSdl: parts.apiSdl() }),
    plan: async () => shown(await engine.plan()),
    apply: async (options) => shown(await engine.apply(options)),
    drift: async () =>
      (await engine.drift()).map(({ kind, message, breaks, table, column }) => ({
        kind,
        message,
        breaks,
        subject: [table, column].filter((part) => part !== undefined).join("."),
      })),
    codecChanges: parts.migrator,
    referrers: async (locator, limit) => {
      const { rows, heldBy } = await listReferrers(db, locator, { limit });
      return { rows: rows.map((row) => ({ ...row, key: Object.fromEntries(row.key) })), heldBy };
    },
    checks: () => parts.checks(),
    capabilityKeys: loggedRotation(parts.objects.capabilityKeys, logger),
    collector,
    runs: new RunsHere((err, run) => logger.error({ err, run }, "a run of the collector has failed")),
    uploads: {
      create: async (input, caller) => {
        requireWritable(engine.readOnly());
        return requestUpload(uploadServices(), input, caller);
      },
      finish: (upload, caller) => finishUpload(parts.objects, upload, caller),
      sign: (asked, caller) => signUpload(parts.objects, asked, caller),
      import: (source, caller) => importUpload(parts.objects, source, caller),
      end: (id, caller) => endUpload(parts.objects, id, caller),
      tell: (upload, caller) => tellUpload(parts.objects, upload, { ...caller, principal: caller }),
    },
  };
}
