/** A database with Holdfast's tables and one schema `lab`, two file stores, and the object side over them. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { StoredObject } from "../../src/codec/contract.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import type { StagedObject, StageRequest } from "../../src/object/contract.ts";
import { createObjects, type Objects, type ObjectsOptions } from "../../src/object/objects.ts";
import type { StoreConfig, Stores } from "../../src/store/contract.ts";
import { openStores } from "../../src/store/open.ts";
import { freshDatabase } from "../support/database.ts";

export interface Laboratory {
  readonly db: PostgresDatabase;
  readonly stores: Stores;
  readonly objects: Objects;
  /** Locations of the stores. */
  readonly main: string;
  readonly cold: string;
  /** Another object side over the same database and stores, like a second replica. */
  again(options?: Partial<ObjectsOptions>): Promise<Objects>;
}

export async function laboratory(cold: Partial<StoreConfig> = {}): Promise<Laboratory> {
  const url = await freshDatabase();
  await migrate(url);
  const db = await connect(url, { maxConnections: 10 });
  const base = await mkdtemp(join(tmpdir(), "holdfast-object-"));
  const closing: Objects[] = [];
  afterAll(async () => {
    for (const objects of closing) await objects.close();
    await db.close();
    await rm(base, { recursive: true, force: true });
  });
  const stores = await twoStores(base, cold);
  const again = async (options: Partial<ObjectsOptions> = {}): Promise<Objects> => {
    const objects = await createObjects({ db, stores, ...options });
    closing.push(objects);
    return objects;
  };
  const objects = await again();
  await db.query("CREATE SCHEMA lab");
  await db.query("CREATE TABLE lab.item (id int PRIMARY KEY, value jsonb)");
  await db.query("SELECT holdfast.adopt_column('lab.item', 'value', 'main', false)");
  return { db, stores, objects, main: join(base, "main"), cold: join(base, "cold"), again };
}

async function twoStores(base: string, cold: Partial<StoreConfig>): Promise<Stores> {
  await mkdir(join(base, "main"));
  await mkdir(join(base, "cold"));
  const common = {
    protocol: "file",
    hashPrefix: "_hash",
    schemaPrefix: "_schema",
    tokenLength: 8,
    driver: {},
  };
  return openStores({
    stores: [
      { ...common, name: "main", location: join(base, "main") },
      { ...common, name: "cold", location: join(base, "cold"), ...cold },
    ],
    defaultName: "main",
    filepathDefaultName: undefined,
    source: "test",
  });
}

/** A target in `lab.item.value`. */
export function target(addressing: "hash" | "schema", more: Partial<StageRequest> = {}): StageRequest {
  return {
    store: "main",
    addressing,
    schema: "lab",
    table: "item",
    column: "value",
    key: [["id", "1"]],
    ...more,
  };
}

/** Publishes `staged` and writes the row that names it, in one transaction. */
export function writeRow(lab: Laboratory, id: number, staged: StagedObject): Promise<StoredObject> {
  return lab.db.transaction(async (transaction) => {
    const object = await lab.objects.writer.publish(transaction, staged);
    const json = JSON.stringify({ store: object.store, path: object.path });
    await transaction.query(
      "INSERT INTO lab.item VALUES ($1, $2::jsonb) ON CONFLICT (id) DO UPDATE SET value = excluded.value",
      [id, json],
    );
    return object;
  });
}
