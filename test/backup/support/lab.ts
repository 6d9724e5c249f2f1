/** A laboratory whose writers keep two tables in step, and everything that it holds afterwards, for comparison. */

import { createHash, randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BackupReport, type BackupRequest, backup } from "../../../src/backup/backup.ts";
import { type RestoreReport, restore } from "../../../src/backup/restore.ts";
import { applyModel } from "../../../src/db/apply.ts";
import type { Transaction } from "../../../src/db/contract.ts";
import { connect, type PostgresDatabase } from "../../../src/db/database.ts";
import { migrate } from "../../../src/db/migrate.ts";
import { type FaultPoints, inertFaults } from "../../../src/object/fault-points.ts";
import { createObjects, type Objects } from "../../../src/object/objects.ts";
import type { StoreConfig } from "../../../src/store/contract.ts";
import { openStores } from "../../../src/store/open.ts";
import { model } from "../../support/sdl.ts";

const schemaText = `
extend schema @database(schema: "lab")
enum Side { LEFT RIGHT }
"How many samples there are: writers keep it so."
type Tally @table {
  tallyId: Int! @key
  total: Int!
}
type Sample @table {
  sampleId: Int! @key
  side: Side!
  label: String @column(type: "varchar(200)") @unique
  "Rows that name one another, in any order."
  next: Sample @reference(columns: ["next_sample_id"])
  notes: File @codec(name: "hash", store: "default")
  frames: Tree @codec(name: "object", store: "default")
}
type Reading @table {
  sample: Sample! @key
  readingIdx: Int! @key
  value: Float
  at: DateTime
  raw: Blob @codec(name: "blob")
}
`;

/** A store in a folder. */
export function fileStore(name: string, location: string): StoreConfig {
  return {
    name,
    protocol: "file",
    location,
    hashPrefix: "_hash",
    schemaPrefix: "_schema",
    tokenLength: 8,
    driver: {},
  };
}

export class Lab implements AsyncDisposable {
  readonly db: PostgresDatabase;
  readonly objects: Objects;

  private constructor(db: PostgresDatabase, objects: Objects) {
    this.db = db;
    this.objects = objects;
  }

  /** A database with Holdfast's own tables; the users' too unless `isEmpty`. The first store is the default one. */
  static async open(
    url: string,
    configs: readonly StoreConfig[],
    { isEmpty = false }: { isEmpty?: boolean } = {},
  ): Promise<Lab> {
    const db = await connect(url, { maxConnections: 8 });
    await migrate(db);
    const defaultName = configs[0]?.name;
    const stores = await openStores({
      stores: configs,
      defaultName,
      filepathDefaultName: "main",
      source: "test",
    });
    const lab = new Lab(db, await createObjects({ db, stores }));
    if (!isEmpty) {
      await applyModel(db, model(schemaText));
      await db.query('INSERT INTO lab."tally" VALUES (1, 0)');
    }
    return lab;
  }

  /** Writes one sample with its notes, and counts it, in one transaction. */
  async write(notes: Uint8Array = randomBytes(2000)): Promise<number> {
    const staged = await this.objects.writer.stage(
      { store: "main", addressing: "hash", schema: "lab", table: "sample", column: "notes", key: [] },
      notes,
    );
    return this.db.transaction(
      async (transaction) => {
        const { path } = await this.objects.writer.publish(transaction, staged);
        return insertSample(transaction, { notes: { store: "main", path } });
      },
      { lockTimeoutMs: 20_000 },
    );
  }

  /** Puts a folder and a sample that has it. */
  async writeTree(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const { driver } = this.objects.stores.get("main");
    const path = `_schema/lab/sample/${name}`;
    for (const [file, text] of Object.entries(files)) await put(driver, `${path}/${file}`, text);
    await put(driver, `${path}.manifest.json`, JSON.stringify(Object.keys(files)));
    const size = Object.values(files).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    await this.db.transaction(async (transaction) => {
      await transaction.query(
        "INSERT INTO holdfast.object (locator, tree, size, verified_at) VALUES ($1, true, $2, clock_timestamp())",
        [`main:${path}`, size],
      );
      await insertSample(transaction, { frames: { store: "main", path } });
    });
    return `main:${path}`;
  }

  /** Inserts a row as another program does, which knows nothing of objects. */
  async writeForeign(path: string, text: string): Promise<void> {
    await put(this.objects.stores.get("main").driver, path, text);
    await this.insertForeign(path);
  }

  /** The row alone: the bytes are there. */
  async insertForeign(path: string): Promise<void> {
    await this.db.transaction((transaction) => insertSample(transaction, { notes: { path } }));
  }

  /** Adds a sample whose notes lie in the other store. */
  async writeCold(notes: Uint8Array): Promise<void> {
    const staged = await this.objects.writer.stage(
      { store: "cold", addressing: "schema", schema: "lab", table: "sample", column: "notes", key: [] },
      notes,
    );
    await this.db.transaction(async (transaction) => {
      const { path } = await this.objects.writer.publish(transaction, staged);
      await insertSample(transaction, { notes: { store: "cold", path } });
    });
  }

  async locatorOf(sampleId: number): Promise<string> {
    const { rows } = await this.db.query<{ locator: string }>(
      "SELECT _notes_ref AS locator FROM lab.sample WHERE sample_id = $1",
      [sampleId],
    );
    return rows[0]?.locator ?? "";
  }

  put(locator: string, text: string): Promise<void> {
    const [store = "", path = ""] = locator.split(":");
    return put(this.objects.stores.get(store).driver, path, text);
  }

  /** Does to a file of a store what a disk or a person may do: other bytes, or none. */
  damage(locator: string, bytes: Uint8Array | undefined): void {
    const [store = "", path = ""] = locator.split(":");
    const file = join(this.objects.stores.get(store).config.location, path);
    rmSync(file);
    if (bytes !== undefined) writeFileSync(file, bytes);
  }

  /** Hides the bytes of every tombstone as the collector does: by a copy in the trash, then a deletion. */
  async hideAll(): Promise<void> {
    const { rows } = await this.db.query<{ id: string; locator: string }>(
      "SELECT id, locator FROM holdfast.tombstone ORDER BY id",
    );
    for (const [number, { id, locator }] of rows.entries()) {
      const [store = "", path = ""] = locator.split(":");
      const { driver } = this.objects.stores.get(store);
      const keys: string[] = [];
      for await (const head of driver.list(path)) keys.push(head.path);
      const versions: string[] = [];
      for (const key of keys) {
        const { versionId } = (await driver.head(key)) ?? {};
        if (versionId === undefined) await driver.copy(key, `_trash/${id}/${key}`);
        else versions.push(versionId);
        await driver.delete(key);
      }
      // Of some in the trash the worker has not yet written down where they are.
      const at = [`_trash/${id}/${path}`];
      const isWritten = versions.length > 0 || number % 2 === 1;
      const trash = isWritten
        ? JSON.stringify(versions.length > 0 ? { versions, bytes: 1 } : { at, bytes: 1 })
        : null;
      await this.db.query(
        "UPDATE holdfast.tombstone SET claim_by = 'test', claim_until = now(), trash = $2::text, hidden_at = CASE WHEN $2::text IS NULL THEN NULL ELSE now() END WHERE id = $1",
        [id, trash],
      );
    }
  }

  backup(
    file: string,
    request: Partial<BackupRequest> = {},
    faults: FaultPoints = inertFaults,
  ): Promise<BackupReport> {
    const { db, objects } = this;
    return backup(
      {
        database: db,
        stores: objects.stores,
        versions: async () => ({ model: model(schemaText), source: schemaText }),
        version: "test",
        faults,
      },
      { file, allowMissing: false, leaveOut: [], ...request },
    );
  }

  restore(file: string, faults: FaultPoints = inertFaults, signal?: AbortSignal): Promise<RestoreReport> {
    const { db, objects } = this;
    return restore(
      { database: db, stores: objects.stores, parse: async (text) => model(text), version: "test", faults },
      { file, signal },
    );
  }

  /** Every row as text, by table. */
  async rows(upTo = 1_000_000): Promise<Record<string, string[]>> {
    const own = ["locator, gen, tree, size, sha256, dedup, created_at, verified_at", "holdfast.object"];
    const tables: [string, string, string][] = [
      ["*", "lab.tally", ""],
      ["*", "lab.sample", `WHERE sample_id <= ${upTo}`],
      ["*", "lab.reading", `WHERE sample_id <= ${upTo}`],
      ["*", 'lab."~lineage"', ""],
      ["*", 'lab."~object"', ""],
      [own[0] ?? "", own[1] ?? "", ""],
      ["*", "holdfast.applied_table", ""],
    ];
    const all: Record<string, string[]> = {};
    for (const [columns, table, where] of tables) {
      const { rows } = await this.db.query<{ row: string }>(
        `SELECT t::text AS row FROM (SELECT ${columns} FROM ${table} ${where}) t ORDER BY 1`,
      );
      all[table] = rows.map(({ row }) => row);
    }
    return all;
  }

  /** Digest of every key of the stores, but of their markers. */
  async keys(): Promise<Record<string, string>> {
    const all: Record<string, string> = {};
    for (const [name, { driver }] of this.objects.stores.all) {
      for await (const { path } of driver.list("")) {
        if (path.startsWith("_obj/") || path.startsWith("_trash/")) continue;
        all[`${name}:${path}`] = await digestAt(driver, path);
      }
    }
    return all;
  }

  /** What the catalog says of the tables, in PostgreSQL's words. */
  async definitions(): Promise<string[]> {
    const { rows } = await this.db.query<{ line: string }>(`
      SELECT c.relname || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' '
          || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || ' ' || coalesce(col_description(a.attrelid, a.attnum), '') AS line
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relnamespace = 'lab'::regnamespace AND c.relkind = 'r'
      UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || ' ' || convalidated FROM pg_constraint WHERE connamespace = 'lab'::regnamespace
      UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'lab'
      UNION ALL SELECT pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'lab.%' AND NOT tgisinternal
      UNION ALL SELECT t.typname || ' ' || string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum JOIN pg_type t ON t.oid = enumtypid GROUP BY t.typname
      UNION ALL SELECT sequencename || ' ' || coalesce(last_value, -1) FROM pg_sequences WHERE schemaname = 'lab'
      ORDER BY 1`);
    return rows.map(({ line }) => line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.objects.close();
    await this.db.close();
  }
}

type Driver = ReturnType<Objects["stores"]["get"]>["driver"];

async function insertSample(
  transaction: Transaction,
  values: { readonly notes?: object; readonly frames?: object },
): Promise<number> {
  const { rows } = await transaction.query<{ total: number }>(
    "UPDATE lab.tally SET total = total + 1 WHERE tally_id = 1 RETURNING total",
  );
  const id = rows[0]?.total ?? 0;
  const json = (value: object | undefined) => (value === undefined ? null : JSON.stringify(value));
  await transaction.query(
    "INSERT INTO lab.sample (sample_id, side, label, notes, frames) VALUES ($1, $2, $3, $4, $5)",
    [id, "LEFT", `sample ${id}\tä\\n"\n`, json(values.notes), json(values.frames)],
  );
  await transaction.query(
    "INSERT INTO lab.reading (sample_id, reading_idx, value, at, raw) SELECT $1, n, n / 7.0, clock_timestamp(), $2 FROM generate_series(1, 3) AS n",
    [id, randomBytes(10)],
  );
  return id;
}

async function put(driver: Driver, path: string, text: string): Promise<void> {
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
  }
  await driver.put(path, body());
}

async function digestAt(driver: Driver, path: string): Promise<string> {
  const digest = createHash("sha256");
  const got = await driver.get(path);
  if (got === undefined) return "absent";
  for await (const chunk of got.body) digest.update(chunk);
  return digest.digest("hex");
}
