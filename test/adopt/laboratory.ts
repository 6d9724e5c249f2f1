/** A database with what DataJoint wrote, stores with its bytes, and `adopt` as the command calls it. */

import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { adopt, planAdoption } from "../../src/adopt/adopt.ts";
import type { AdoptReport, ApplyOptions } from "../../src/adopt/contract.ts";
import { undo } from "../../src/adopt/undo.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { inertFaults } from "../../src/object/fault-points.ts";
import { registerStores } from "../../src/object/register-stores.ts";
import type { StoreConfig, Stores } from "../../src/store/contract.ts";
import { createFileDriver } from "../../src/store/file.ts";
import { freshDatabase } from "../support/database.ts";

export const peerSchemas = ["djf_lab", "djf_types", "djf_blobs", "djf_objects"];
const fixtures = join(import.meta.dirname, "../fixtures");

export interface AdoptLaboratory {
  readonly url: string;
  readonly db: PostgresDatabase;
  readonly stores: Stores;
  readonly folder: string;
  options(more?: Partial<ApplyOptions>): ApplyOptions;
  plan(more?: Partial<ApplyOptions>): Promise<AdoptReport>;
  /** With migrations and stores registered, as the command does. */
  adopt(more?: Partial<ApplyOptions>): Promise<AdoptReport>;
  undo(more?: Partial<ApplyOptions>): ReturnType<typeof undo>;
  /** What the collector's guard says. */
  guard(): Promise<readonly string[]>;
}

/** Call it in `beforeAll`. `fixture`: a folder with a dump; none for an empty database. */
export async function adoptLaboratory(
  fixture: string | undefined,
  schemas: readonly string[],
): Promise<AdoptLaboratory> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-adopt-"));
  const url = await freshDatabase();
  const db = await connect(url);
  afterAll(async () => {
    await db.close();
    rmSync(folder, { recursive: true, force: true });
  });
  if (fixture !== undefined) {
    const dump = readFileSync(join(fixtures, fixture, "dump.sql"), "utf8");
    // One connection: the dump empties its session's search_path.
    await db.transaction(async (transaction) => {
      await transaction.query(dump);
      await transaction.query("RESET search_path");
    });
  }
  cpSync(join(fixtures, "datajoint/store"), join(folder, "store"), { recursive: true });
  const stores = storesIn(join(folder, "store"));
  const options = (more: Partial<ApplyOptions> = {}): ApplyOptions => ({
    schemas,
    stores,
    looksAtBytes: true,
    signal: AbortSignal.timeout(120_000),
    onStep: () => undefined,
    maxLockMs: 30_000,
    patienceMs: 20_000,
    faults: inertFaults,
    ...more,
  });
  const ready = async (): Promise<void> => {
    await migrate(db);
    await registerStores(db, stores);
  };
  return {
    ...{ url, db, stores, folder, options },
    plan: (more) => planAdoption(db, options(more)),
    adopt: async (more) => {
      await ready();
      return adopt(db, options(more));
    },
    undo: (more) => undo(db, options(more)),
    guard: async () => {
      const { rows } = await db.query<{ text: string }>(
        "SELECT problem || ': ' || what AS text FROM holdfast.guard ORDER BY 1",
      );
      return rows.map(({ text }) => text);
    },
  };
}

function storesIn(folder: string): Stores {
  const all = new Map(
    ["main", "cold"].map((name) => {
      const location = join(folder, name);
      const isCold = name === "cold";
      const [hashPrefix, schemaPrefix] = [isCold ? "blobs" : "_hash", isCold ? "arrays" : "_schema"];
      const config: StoreConfig = {
        ...{ name, protocol: "file", location, hashPrefix, schemaPrefix, tokenLength: 8, driver: {} },
      };
      return [name, { config, driver: createFileDriver(location) }] as const;
    }),
  );
  return {
    all,
    defaultName: "main",
    filepathDefaultName: "main",
    get: (name) => {
      const store = all.get(name);
      if (store === undefined) throw new Error(name);
      return store;
    },
  };
}
