/** Puts the object side together: writer, reader, uploads and capabilities over one database and one set of stores. */

import type { Database } from "../db/contract.ts";
import type { Stores } from "../store/contract.ts";
import { createCapabilities } from "./capabilities.ts";
import { openCapabilityKeys } from "./capability-keys.ts";
import { type CapabilityRotation, createRotation } from "./capability-rotation.ts";
import type { Capabilities, ObjectReaderFactory, ObjectWriter, Uploads } from "./contract.ts";
import { type FaultPoints, inertFaults } from "./fault-points.ts";
import { identifyStores } from "./identified-stores.ts";
import type { ImportEvent, OpenRemote } from "./import-contract.ts";
import { maxLeaseMs } from "./lease.ts";
import { createReader, type OnMissing } from "./reader.ts";
import { registerStores } from "./register-stores.ts";
import { startExpiring } from "./resume-leftovers.ts";
import { defaultUploadQuota, type UploadQuota } from "./upload-quota.ts";
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
  /** What one caller may have reserved. */
  readonly quota?: UploadQuota;
  /** Reads from other servers; absent: imports are off. */
  readonly remote?: OpenRemote | undefined;
  /** Imports of one caller that run at a time; 4 unless given. */
  readonly importsAtATime?: number;
  readonly onImport?: (event: ImportEvent) => void;
  /** Largest file that an upload may declare, in bytes; 5 TiB unless given. */
  readonly maxUploadBytes?: number;
  /** How long one `complete` waits for what takes longer; 25 s unless given. */
  readonly completeWaitMs?: number;
  /** Told of objects that reads have missed: the place to heal them. */
  readonly onMissing?: OnMissing;
  /** Cleans up behind uploads that are over, at once and every so often; absent: not here. */
  readonly sweep?: { readonly everyMs: number; readonly log: SweepLog };
}

/** The object side of a running service. */
export interface Objects {
  readonly writer: ObjectWriter;
  readonly reader: ObjectReaderFactory;
  readonly uploads: Uploads;
  readonly capabilities: Capabilities;
  /** The keys that sign capabilities. */
  readonly capabilityKeys: CapabilityRotation;
  /** The stores, each of which refuses to work where its location is another one's: use these. */
  readonly stores: Stores;
  /** What is wrong with a store, by its name; such a store works as soon as it is right. */
  readonly storeProblems: ReadonlyMap<string, string>;
  /** Stops what runs in the background; the database is the caller's. */
  close(): Promise<void>;
}

/** Registers and identifies the stores, reads the signing keys, and answers the object side. The database must be migrated. */
export async function createObjects(options: ObjectsOptions): Promise<Objects> {
  const { db, faults = inertFaults, leaseMs = 3_600_000 } = options;
  await registerStores(db, options.stores);
  const { stores, problems: storeProblems } = await identifyStores(db, options.stores);
  const keys = await openCapabilityKeys(db);
  const uploadContext = {
    db,
    stores,
    faults,
    uploadMs: Math.min(options.uploadMs ?? maxLeaseMs, maxLeaseMs),
    quota: options.quota ?? defaultUploadQuota,
    maxBytes: options.maxUploadBytes ?? defaultMaxBytes,
  };
  const imports = { open: options.remote, log: options.onImport, perPrincipal: options.importsAtATime ?? 4 };
  const uploads = createUploads(uploadContext, imports, options.completeWaitMs);
  const { sweep } = options;
  const tidying = sweep && [startSweeping(uploadContext, sweep), startExpiring(uploadContext, sweep)];
  return {
    writer: {
      ...createWriter({ db, stores, faults, leaseMs }),
      stageUpload: (id, request) => stageUpload(uploadContext, id, request),
    },
    reader: createReader(stores, options.onMissing),
    uploads,
    capabilities: createCapabilities(keys),
    capabilityKeys: createRotation(db, keys),
    stores,
    storeProblems,
    close: async () => {
      keys.close();
      await Promise.all([uploads, ...(tidying ?? [])].map((each) => each.close()));
    },
  };
}
