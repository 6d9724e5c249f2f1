/**
 * A database with two schemas of the service (`lab`, `proj`) and one that foreign writers write (`peer`), a store, and any number of
 * processes over them. Free of vitest, so that commands can use it.
 */

import type { Database } from "../../../src/db/contract.ts";
import { connect, type PostgresDatabase } from "../../../src/db/database.ts";
import type { FaultPoints } from "../../../src/object/fault-points.ts";
import { identifyStores } from "../../../src/object/identified-stores.ts";
import { createObjects, type Objects } from "../../../src/object/objects.ts";
import { registerStores } from "../../../src/object/register-stores.ts";
import { parseStores } from "../../../src/store/config-parse.ts";
import type { Stores } from "../../../src/store/contract.ts";
import { openStores } from "../../../src/store/open.ts";
import { type Judge, judgedStores } from "./judged-store.ts";
import { type Interruption, Life } from "./life.ts";

/** Of Holdfast, in these tests. */
export const version = "0.0.0-proof";
export const tables = ["lab.item", "proj.item", "peer.item"] as const;
export type Table = (typeof tables)[number];

/** A process of the API: it stages and publishes, and may die on the way. */
export interface ApiProcess {
  readonly life: Life;
  readonly db: Database;
  readonly objects: Objects;
}

/** What must survive that the protocol does not own. */
const strangers = ["raw/data.bin", "_hash/elsewhere/abc"];

export interface WorldOptions {
  /** Told of every point that a process of this world reaches, those of the store's system calls included; may end the real one. */
  readonly faults?: FaultPoints;
  readonly connections?: number;
  readonly canRename?: boolean;
  /** Life of a claim of the collector; as the product has it unless given. */
  readonly claimMs?: number;
}

export class World {
  readonly db: PostgresDatabase;
  /** The store itself. */
  readonly plain: Stores;
  readonly judge: Judge;
  readonly #identified: Stores;
  /** False: the store has no ability to rename, and bytes go to the trash by a copy. */
  canRename = true;
  claimMs: number | undefined;
  /** How a foreign writer puts bytes: whatever lies there. Absent: as the store's driver puts. */
  putAnyway: ((path: string, bytes: Uint8Array) => Promise<void>) | undefined;
  /** Empties the store of everything that its listing does not show. */
  forget: (() => Promise<void>) | undefined;
  readonly #faults: FaultPoints | undefined;
  #emptying: string | undefined;
  #api: ApiProcess | undefined;
  #made = 0;

  private constructor(
    parts: { db: PostgresDatabase; plain: Stores; identified: Stores },
    faults: FaultPoints | undefined,
  ) {
    this.#faults = faults;
    this.db = parts.db;
    this.plain = parts.plain;
    this.#identified = parts.identified;
    this.judge = {
      db: parts.db,
      plain: parts.plain,
      wrong: [],
      puts: new Set(),
      taken: 0,
      fault: undefined,
      isListingBroken: false,
    };
  }

  /** `url`: an empty database. `raw`: `DJ_STORES` with a store `main`. */
  static async make(url: string, raw: Readonly<Record<string, unknown>>): Promise<World> {
    const { migrate } = await import("../../../src/db/migrate.ts");
    await migrate(url);
    const world = await World.open(url, raw);
    for (const table of tables) {
      await world.db.query(`CREATE SCHEMA ${table.split(".")[0]}`);
      await world.db.query(`CREATE TABLE ${table} (id int PRIMARY KEY, value jsonb)`);
      await world.db.query("SELECT holdfast.adopt_column($1::regclass, 'value', 'main', $2)", [
        table,
        table === "peer.item",
      ]);
    }
    await world.reset();
    return world;
  }

  /** A world that was made before, as a process that starts finds it. */
  static async open(
    url: string,
    raw: Readonly<Record<string, unknown>>,
    options: WorldOptions = {},
  ): Promise<World> {
    const { faults } = options;
    const db = await connect(url, { maxConnections: options.connections ?? 12 });
    const plain = await openStores(
      parseStores(raw, "test"),
      faults === undefined ? {} : { file: { faults } },
    );
    await registerStores(db, plain);
    const { stores: identified } = await identifyStores(db, plain);
    const world = new World({ db, plain, identified }, faults);
    world.canRename = options.canRename ?? true;
    world.claimMs = options.claimMs;
    return world;
  }

  async close(): Promise<void> {
    await this.#api?.objects.close();
    await this.db.close();
  }

  /** Everything as it was after `open`, with collecting confirmed and a week of grace. */
  async reset(): Promise<void> {
    this.#emptying ??= await emptyingOf(this.db);
    await this.db.query(this.#emptying);
    const { driver } = this.plain.get("main");
    const paths: string[] = [];
    for await (const { path } of driver.list("")) if (!path.startsWith("_obj/")) paths.push(path);
    for (const path of paths) await driver.delete(path);
    await this.forget?.();
    for (const path of strangers) await driver.put(path, once(Buffer.from(path)));
    this.judge.wrong.length = 0;
    this.judge.puts.clear();
    this.judge.taken = 0;
    this.judge.fault = undefined;
    await this.policy({ grace: "7 days", keep: "30 days", drain: "30 min" });
    await this.db.query("UPDATE holdfast.store SET gc = 'on', confirmed_version = $1", [version]);
  }

  async policy(times: { grace: string; keep: string; drain: string }): Promise<void> {
    await this.db.query(
      "UPDATE holdfast.store SET grace = $1::interval, keep = $2::interval, drain = $3::interval",
      [times.grace, times.keep, times.drain],
    );
  }

  /** What a process of its own reaches, and its life. */
  process(kind: string, interruption?: Interruption): { life: Life; db: Database; stores: Stores } {
    const life = new Life(`${kind}-${process.pid}-${++this.#made}`, interruption, this.#faults);
    return {
      life,
      db: life.database(this.db),
      stores: judgedStores(
        this.canRename ? this.#identified : withoutRename(this.#identified),
        life,
        this.judge,
      ),
    };
  }

  /** The process of the API, started anew; what it was at must have settled. */
  async api(interruption?: Interruption): Promise<ApiProcess> {
    if (this.#api === undefined) {
      const { life, db, stores } = this.process("api");
      this.#api = { life, db, objects: await createObjects({ db, stores, faults: life.faults }) };
    }
    this.#api.life.restart(interruption);
    return this.#api;
  }

  /** Paths in the store that are not the service's own notes. */
  async paths(prefix = ""): Promise<string[]> {
    const found: string[] = [];
    for await (const { path } of this.plain.get("main").driver.list(prefix)) {
      if (!path.startsWith("_obj/") && !strangers.includes(path)) found.push(path);
    }
    return found;
  }

  /** What it did not put is as it was. */
  async strangersAreThere(): Promise<boolean> {
    for (const path of strangers) {
      const head = await this.plain.get("main").driver.head(path);
      if (head?.sizeBytes !== path.length) return false;
    }
    return true;
  }
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function withoutRename(stores: Stores): Stores {
  const all = new Map(
    [...stores.all].map(([name, store]) => {
      const { move: _, ...driver } = store.driver as typeof store.driver & { move?: unknown };
      return [name, { ...store, driver }] as const;
    }),
  );
  return { ...stores, all, get: (name) => all.get(name) ?? stores.get(name) };
}

// A database that does not know what the collector did in its store takes itself for one that was set back.
const kept = ["setting", "capability_key", "store", "course", "collector_run"];

/** One statement list that empties every table that lives through a run, past triggers and keys, in a transaction of its own. */
async function emptyingOf(db: Database): Promise<string> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE tablename = '~object' OR format('%I.%I', schemaname, tablename) = ANY ($1)
       OR (schemaname = 'holdfast' AND NOT tablename = ANY ($2) AND tablename !~ 'migration|applied')`,
    [[...tables], kept],
  );
  const deletes = rows.map(({ name }) => `DELETE FROM ${name}`);
  return ["BEGIN", "SET LOCAL session_replication_role = replica", ...deletes, "COMMIT"].join("; ");
}
