/** Puts the object side together: writer, reader, uploads and capabilities over one database and one set of stores. */

import type { Database } from "../db/contract.ts";
import type { Stores } from "../store/contract.ts";
import { createCapabilities } from "./capabilities.ts";
import { openCapabilityKeys } from "./capability-keys.ts";
import type { Capabilities, ObjectReaderFactory, ObjectWriter, Uploads } from "./contract.ts";
import { type FaultPoints, inertFaults } from "./fault-points.ts";
import { maxLeaseMs } from "./lease.ts";
import { createReader } from "./reader.ts";
import { registerStores } from "./register-stores.ts";
import { stageUpload } from "./upload-stage.ts";
import { type SweepLog, startSweeping } from "./upload-sweep.ts";
import { createUploads } from "./uploads.ts";
import { createWriter } from "./writer.ts";

/** What S3 documents as its largest object. */
const defaultMaxBytes = 5 * 2 ** 40;

export interface ObjectsOptions {
  readonly db: Database;
  readonly stores: Stores;
  readonly faults?: FaultPoints;
  /** Life of a write's reservation, renewed while bytes flow; an hour unless given. */
  readonly leaseMs?: number;
  /** Life of an upload; 24 h unless given, which is the most. */
  readonly uploadMs?: number;
  /** Largest file that an upload may declare, in bytes; 5 TiB unless given. */
  readonly maxUploadBytes?: number;
  /** How long one `complete` waits for what takes longer; 25 s unless given. */
  readonly completeWaitMs?: number;
  /** Cleans up behind uploads that are over, at once and every so often; absent: not here. */
  readonly sweep?: { readonly everyMs: number; readonly log: SweepLog };
}

/** The object side of a running service. */
export interface Objects {
  readonly writer: ObjectWriter;
  readonly reader: ObjectReaderFactory;
  readonly uploads: Uploads;
  readonly capabilities: Capabilities;
  /** Stops what runs in the background; the database is the caller's. */
  close(): Promise<void>;
}

/** Registers the stores, reads the signing keys, and answers the object side. The database must be migrated. */
export async function createObjects(options: ObjectsOptions): Promise<Objects> {
  const { db, stores, faults = inertFaults, leaseMs = 3_600_000 } = options;
  await registerStores(db, stores);
  const keys = await openCapabilityKeys(db);
  const uploadContext = {
    db,
    stores,
    faults,
    uploadMs: Math.min(options.uploadMs ?? maxLeaseMs, maxLeaseMs),
    maxBytes: options.maxUploadBytes ?? defaultMaxBytes,
  };
  const uploads = createUploads(uploadContext, options.completeWaitMs);
  const sweeping = options.sweep && startSweeping(uploadContext, options.sweep);
  return {
    writer: {
      ...createWriter({ db, stores, faults, leaseMs }),
      stageUpload: (id, request) => stageUpload(uploadContext, id, request),
    },
    reader: createReader(stores),
    uploads,
    capabilities: createCapabilities(keys),
    close: async () => {
      keys.close();
      await Promise.all([uploads.close(), sweeping?.close()]);
    },
  };
}
