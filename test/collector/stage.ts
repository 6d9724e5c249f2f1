/** Worlds for the collector: databases with two stores, two adopted schemas, three tables, and everything a run needs but bytes. */

import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { expect, inject } from "vitest";
import { collect } from "../../src/collector/collect.ts";
import type { CollectorContext } from "../../src/collector/context.ts";
import type {
  CollectReport,
  CollectRequest,
  Decision,
  StoreCollection,
} from "../../src/collector/contract.ts";
import type { CollectParts } from "../../src/collector/round.ts";
import type { Database, Queryable } from "../../src/db/contract.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { type FaultPoints, inertFaults } from "../../src/object/fault-points.ts";
import { registerStores } from "../../src/object/register-stores.ts";
import type { Stores } from "../../src/store/contract.ts";
import { openStores } from "../../src/store/open.ts";

const version = "1.0.0";
/** Bytes have suites of their own; here nothing is known of them. */
const noBytes: CollectParts = {
  removeBytes: async () => ({ hidden: 0, hiddenBytes: 0, purged: 0, purgedBytes: 0, reaped: 0 }),
  storeDoubts: async () => [],
};

/** What is known of one object; absent: nothing of it. */
export interface State {
  readonly store?: string;
  /** Schemas that hold it; rows need the hold. */
  readonly held?: readonly string[];
  /** Tables with a row that refers to it. */
  readonly rows?: readonly string[];
  /** How long ago, or since always. */
  readonly condemned?: string;
  readonly size?: number;
}

/** SQL of every query may be rewritten: the code's mutants. */
export type Rewrite = (sql: string) => string;

export interface Doing {
  readonly faults?: FaultPoints;
  readonly parts?: Partial<CollectParts>;
  readonly rewrite?: Rewrite;
  readonly db?: Database;
  readonly version?: string;
}

export class World {
  readonly db: PostgresDatabase;
  readonly url: string;
  readonly stores: Stores;
  readonly warnings: string[] = [];
  #row = 0;

  constructor(db: PostgresDatabase, url: string, stores: Stores) {
    this.db = db;
    this.url = url;
    this.stores = stores;
  }

  context(doing: Doing = {}): CollectorContext {
    const db = doing.db ?? this.db;
    return {
      db: doing.rewrite === undefined ? db : rewritten(db, doing.rewrite),
      stores: this.stores,
      faults: doing.faults ?? inertFaults,
      version: doing.version ?? version,
      worker: "test",
      warn: (_, what) => this.warnings.push(what),
    };
  }

  collect(request: Partial<CollectRequest> = {}, doing: Doing = {}): Promise<CollectReport> {
    return collect(
      this.context(doing),
      { apply: true, by: "test", ...request },
      { ...noBytes, ...doing.parts },
    );
  }

  /** A run and all that it told. */
  async told(request: Partial<CollectRequest> = {}, doing: Doing = {}) {
    const decisions: Decision[] = [];
    const report = await this.collect({ ...request, onDecision: (one) => void decisions.push(one) }, doing);
    return { report, decisions };
  }

  /** The store may be collected, with the grace given. */
  async on(grace = "7 days", store = "main"): Promise<void> {
    await this.db.query(
      "UPDATE holdfast.store SET gc = 'on', confirmed_version = $2, grace = $3::interval WHERE name = $1",
      [store, version, grace],
    );
  }

  async put(key: string, state: State): Promise<string> {
    const store = state.store ?? "main";
    const locator = `${store}:_hash/lab/${key}`;
    await this.db.query(
      `INSERT INTO holdfast.object (locator, size, verified_at, condemned_at)
       VALUES ($1, $2, now(), CASE WHEN $3 = '-infinity' THEN '-infinity' ELSE now() - $3::interval END)`,
      [locator, state.size ?? 10, state.condemned ?? null],
    );
    const schemas = new Set([
      ...(state.held ?? []),
      ...(state.rows ?? []).map((table) => table.split(".")[0]),
    ]);
    for (const schema of schemas)
      await this.db.query(`INSERT INTO ${schema}."~object" (locator) VALUES ($1)`, [locator]);
    for (const table of state.rows ?? []) await this.db.query(this.refer(key, table, store));
    return locator;
  }

  /** INSERT of a row that refers to `key`. */
  refer(key: string, table = "lab.t", store = "main"): string {
    return `INSERT INTO ${table} VALUES (${++this.#row}, '{"path":"_hash/lab/${key}","store":"${store}"}')`;
  }

  async count(from: string): Promise<number> {
    return (await this.rows<{ count: number }>(`SELECT count(*)::int AS count FROM ${from}`))[0]?.count ?? -1;
  }

  async rows<Row>(sql: string, ...values: unknown[]): Promise<Row[]> {
    return (await this.db.query<Row>(sql, values)).rows;
  }

  /** Last segments of the locators that are in `table`. */
  async keys(table = "holdfast.object"): Promise<string[]> {
    const rows = await this.rows<{ locator: string }>(`SELECT locator FROM ${table} ORDER BY locator`);
    return rows.map(({ locator }) => locator.split("/").at(-1) ?? "");
  }

  /** Row ⇒ hold ⇒ object; no object beside a tombstone that is not hidden; each tombstone has its line in the audit, but those that a test made. */
  async expectSound(): Promise<void> {
    for (const table of ["lab.t", "lab.u", "x.t"]) {
      const schema = table.split(".")[0];
      const dangling = await this.count(
        `${table} r WHERE _d_ref IS NOT NULL AND NOT EXISTS (SELECT FROM ${schema}."~object" h JOIN holdfast.object o USING (locator) WHERE h.locator = r._d_ref)`,
      );
      expect(dangling, `dangling rows of ${table}`).toBe(0);
    }
    expect(
      await this.count("holdfast.object JOIN holdfast.tombstone t USING (locator) WHERE hidden_at IS NULL"),
    ).toBe(0);
    expect(
      await this.count(
        "holdfast.tombstone t WHERE locator NOT LIKE '%/dead%' AND NOT EXISTS (SELECT FROM holdfast.audit a WHERE a.tombstone = t.id AND a.locator = t.locator)",
      ),
      "tombstones without a line",
    ).toBe(0);
  }

  /** A connection of its own, as another program has one. */
  async outside<T>(work: (client: Client) => Promise<T>, url = this.url): Promise<T> {
    const client = new Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }
}

/** The first collection of a report, of the store `main`. */
export function mainOf(report: CollectReport): StoreCollection {
  const found = report.stores.find(({ store }) => store === "main");
  if (found === undefined) throw new Error("The report has nothing of main.");
  return found;
}

export function codesOf(report: CollectReport): string[] {
  return report.doubts.map(({ code, store }) => (store === undefined ? code : `${code} ${store}`));
}

/** At the point `name`, once, `work` is done; the run waits for it. */
export function at(name: string, work: () => unknown): FaultPoints & { readonly reached: () => boolean } {
  let isDone = false;
  const faults = async (point: string): Promise<void> => {
    if (isDone || point !== name) return;
    isDone = true;
    await work();
  };
  return Object.assign(faults, { reached: () => isDone });
}

function rewritten(db: Database, rewrite: Rewrite): Database {
  const over = (inner: Queryable): Queryable => ({
    // A named statement has one text on a connection.
    query: (text, values, { name: _, ...options } = {}) => inner.query(rewrite(text), values, options),
  });
  return {
    ...over(db),
    transaction: (work, options) =>
      db.transaction((inner) => work({ ...over(inner), savepoint: inner.savepoint }), options),
    close: () => db.close(),
  };
}

/** Triggers of the protocol refuse it otherwise. */
const empty = `SET session_replication_role = replica;
  TRUNCATE lab.t, lab.u, x.t, lab."~object", x."~object", holdfast.object, holdfast.tombstone, holdfast.upload, holdfast.audit,
    holdfast.collector_run, holdfast.course RESTART IDENTITY;
  UPDATE holdfast.store SET gc = 'report', grace = '7 days', keep = '30 days', drain = '30 min', confirmed_version = NULL;`;

/** Makes worlds: a template database, copied for each. */
export class Stage {
  readonly #template = `collector_${randomBytes(5).toString("hex")}`;
  readonly #admin = new Client({ connectionString: inject("postgresUrl") });
  #base = "";
  #made = 0;
  #shared: World | undefined;

  async open(): Promise<void> {
    this.#base = await mkdtemp(join(tmpdir(), "holdfast-collector-"));
    for (const name of ["main", "cold"]) await mkdir(join(this.#base, name));
    await this.#admin.connect();
    await this.#admin.query(`CREATE DATABASE ${this.#template}`);
    await migrate(urlOf(this.#template));
    const db = await connect(urlOf(this.#template));
    try {
      await registerStores(db, await this.stores());
      await db.query("CREATE SCHEMA lab; CREATE SCHEMA x");
      for (const table of ["lab.t", "lab.u", "x.t"]) {
        await db.query(`CREATE TABLE ${table} (id int PRIMARY KEY, d jsonb)`);
        await db.query(`COMMENT ON COLUMN ${table}.d IS ':<blob@main>:'`);
        await db.query("SELECT holdfast.adopt_column($1::regclass, 'd', 'main')", [table]);
      }
    } finally {
      await db.close();
    }
  }

  stores(): Promise<Stores> {
    const common = {
      protocol: "file",
      hashPrefix: "_hash",
      schemaPrefix: "_schema",
      tokenLength: 8,
      driver: {},
    };
    return openStores({
      stores: ["cold", "main"].map((name) => ({ ...common, name, location: join(this.#base, name) })),
      defaultName: "main",
      filepathDefaultName: undefined,
      source: "test",
    });
  }

  /** In the one database of the stage, emptied before. */
  async play(scene: (world: World) => Promise<void>): Promise<void> {
    this.#shared ??= await this.#copy();
    await this.#shared.outside(async (client) => {
      await client.query(empty);
    });
    await scene(new World(this.#shared.db, this.#shared.url, this.#shared.stores));
  }

  /** In a database of its own, whose tables may be altered. */
  async playAlone(scene: (world: World) => Promise<void>): Promise<void> {
    const world = await this.#copy();
    try {
      await scene(world);
    } finally {
      await this.#drop(world);
    }
  }

  async #copy(): Promise<World> {
    const name = `${this.#template}_${++this.#made}`;
    await this.#admin.query(`CREATE DATABASE ${name} TEMPLATE ${this.#template}`);
    return new World(await connect(urlOf(name), { maxConnections: 6 }), urlOf(name), await this.stores());
  }

  async #drop({ db, url }: World): Promise<void> {
    await db.close();
    await this.#admin.query(`DROP DATABASE IF EXISTS ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
  }

  async close(): Promise<void> {
    if (this.#shared !== undefined) await this.#drop(this.#shared);
    await this.#admin.query(`DROP DATABASE IF EXISTS ${this.#template} WITH (FORCE)`);
    await this.#admin.end();
    await rm(this.#base, { recursive: true, force: true });
  }
}

function urlOf(database: string): string {
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${database}`;
  return url.href;
}
