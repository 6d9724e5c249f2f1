/** What the tests of reconcile, verify, heal and revive do to a store and its database, by hand and by the protocol. */

import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { StoredObject } from "../../src/codec/contract.ts";
import type { CollectorContext } from "../../src/collector/context.ts";
import type { Doubt, Finding, FsckReport, FsckRequest, Revival } from "../../src/collector/contract.ts";
import { fsck } from "../../src/collector/fsck.ts";
import { revive } from "../../src/collector/revive.ts";
import { storeDoubts } from "../../src/collector/store-doubts.ts";
import { trashText } from "../../src/collector/trash.ts";
import type { Database } from "../../src/db/contract.ts";
import type { FaultPoints } from "../../src/object/fault-points.ts";
import { manifestPath } from "../../src/object/manifest.ts";
import type { Objects } from "../../src/object/objects.ts";
import type { Store, StoreDriver, Stores } from "../../src/store/contract.ts";
import { bodyOf, collect } from "../contract/store.ts";
import { target } from "../object/laboratory.ts";

/** One line of `holdfast.object`, as tests compare it. */
export interface ObjectLine {
  readonly gen: string;
  readonly verified: boolean;
  readonly condemned: boolean;
  readonly tree: boolean;
  readonly size: string | null;
  readonly sha256: string | null;
  readonly dedup: string | null;
}

export class Truth {
  /** What a fault point does. */
  fault: FaultPoints = () => undefined;
  readonly context: CollectorContext;
  readonly db: Database;
  readonly name: string;
  /** What is truly there. */
  readonly driver: StoreDriver;
  readonly #objects: Objects;

  constructor(db: Database, objects: Objects, name: string, stores: Stores = objects.stores) {
    this.db = db;
    this.name = name;
    this.#objects = objects;
    this.driver = objects.stores.get(name).driver;
    this.context = {
      db,
      stores,
      faults: (point) => this.fault(point),
      version: "test",
      worker: "test",
      warn: () => undefined,
    };
  }

  /** The same over another view of the store, e.g. one whose listings lie. */
  seen(change: Partial<StoreDriver>): Truth {
    const store = this.context.stores.get(this.name);
    const other: Store = { ...store, driver: { ...store.driver, ...change } };
    const stores: Stores = {
      ...this.context.stores,
      all: new Map([[this.name, other]]),
      get: () => other,
    };
    return new Truth(this.db, this.#objects, this.name, stores);
  }

  /** As it was at first: nothing in the store at `location`, nothing in the database. */
  async empty(location: string): Promise<void> {
    this.fault = () => undefined;
    for (const name of await readdir(location))
      if (name !== "_obj") await rm(join(location, name), { recursive: true });
    await this.db.query("DELETE FROM lab.item");
    for (const table of ['lab."~object"', "holdfast.object", "holdfast.tombstone", "holdfast.upload"])
      await this.db.query(`DELETE FROM ${table}`);
    await this.db.query("UPDATE holdfast.store SET drain = '30 min', gc = 'report'");
  }

  locator(path: string): string {
    return `${this.name}:${path}`;
  }

  put(path: string, content: string | Uint8Array): Promise<unknown> {
    return this.driver.put(path, bodyOf(Buffer.from(content)));
  }

  async read(path: string): Promise<string | undefined> {
    const got = await this.driver.get(path);
    return got && (await collect(got.body)).toString();
  }

  async paths(prefix = ""): Promise<string[]> {
    const found: string[] = [];
    for await (const { path } of this.driver.list(prefix)) if (!path.startsWith("_obj/")) found.push(path);
    return found;
  }

  /** A row with a new object. */
  async write(id: number, content: string, addressing: "hash" | "schema" = "hash"): Promise<StoredObject> {
    const { writer } = this.#objects;
    const staged = await writer.stage(target(addressing, { store: this.name }), Buffer.from(content));
    return this.db.transaction(async (transaction) => {
      const object = await writer.publish(transaction, staged);
      const value = JSON.stringify({ store: object.store, path: object.path });
      await transaction.query("INSERT INTO lab.item VALUES ($1, $2::jsonb)", [id, value]);
      return object;
    });
  }

  /** A row of a peer, who has put the bytes before: the trigger registers the object, unverified. */
  async foreign(id: number, path: string): Promise<void> {
    await this.db.transaction(async (transaction) => {
      await transaction.query("SELECT holdfast.hold_foreign('lab', $1)", [this.locator(path)]);
      const value = JSON.stringify({ store: this.name, path });
      await transaction.query("INSERT INTO lab.item VALUES ($1, $2::jsonb)", [id, value]);
    });
  }

  /** Takes the row and the hold away; the object is not condemned yet. */
  async release(path: string): Promise<void> {
    const locator = this.locator(path);
    await this.db.query("DELETE FROM lab.item WHERE _value_ref = $1", [locator]);
    await this.db.query('DELETE FROM lab."~object" WHERE locator = $1', [locator]);
  }

  async condemn(path: string): Promise<void> {
    const text = "UPDATE holdfast.object SET condemned_at = clock_timestamp() WHERE locator = $1";
    await this.db.query(text, [this.locator(path)]);
  }

  /** Row, hold and object go: a tombstone is queued. */
  async kill(path: string): Promise<void> {
    await this.release(path);
    await this.db.query("DELETE FROM holdfast.object WHERE locator = $1", [this.locator(path)]);
  }

  /** Takes the bytes of a killed object into the trash, as the worker that has claimed it does. */
  async hide(path: string): Promise<string> {
    const { rows } = await this.db.query<{ id: string }>(
      "SELECT id::text AS id FROM holdfast.claim('test', 1000, '5 min') WHERE locator = $1",
      [this.locator(path)],
    );
    const id = rows[0]?.id ?? "";
    const versions: string[] = [];
    const base = `_trash/${id}/${path}`;
    let any = false;
    for (const at of await this.paths(path)) {
      if (at !== path && at !== manifestPath(path) && !at.startsWith(`${path}/`)) continue;
      any = true;
      const versionId = (await this.driver.head(at))?.versionId;
      if (versionId === undefined) await this.driver.copy(at, base + at.slice(path.length));
      else versions.push(versionId);
      await this.driver.delete(at);
    }
    const at = any && versions.length === 0 ? [base] : [];
    await this.db.query("SELECT holdfast.hidden($1, 'test', $2, '30 days')", [
      id,
      trashText({ at, versions, lists: [], bytes: 0 }),
    ]);
    return id;
  }

  async object(path: string): Promise<ObjectLine | undefined> {
    const { rows } = await this.db.query<ObjectLine>(
      `SELECT gen::text AS gen, verified_at IS NOT NULL AS verified, condemned_at IS NOT NULL AS condemned, tree,
         size::text AS size, encode(sha256, 'hex') AS sha256, dedup FROM holdfast.object WHERE locator = $1`,
      [this.locator(path)],
    );
    return rows[0];
  }

  /** Everything that a check may not change. */
  async state(): Promise<unknown> {
    const tables = ["object", "tombstone", "upload", "store"].map(
      (table) => `SELECT '${table}' AS of, to_jsonb(t)::text AS line FROM holdfast.${table} t`,
    );
    const { rows } = await this.db.query(`${tables.join(" UNION ALL ")} ORDER BY 1, 2`);
    return { rows, paths: await this.paths() };
  }

  async check(
    options: Partial<FsckRequest> = {},
    doubts: readonly Doubt[] = [],
  ): Promise<{ report: FsckReport; findings: Finding[]; told: string[] }> {
    const findings: Finding[] = [];
    const request: FsckRequest = {
      stores: [this.name],
      apply: false,
      by: "test",
      onFinding: (finding) => void findings.push(finding),
      ...options,
    };
    const report = await fsck(this.context, request, { databaseDoubts: async () => doubts });
    const told = findings.map(({ kind, outcome, locator }) => `${kind} ${outcome} ${locator}`).sort();
    return { report, findings, told };
  }

  doubts(signal?: AbortSignal): Promise<readonly Doubt[]> {
    return storeDoubts(this.context, this.context.stores.get(this.name), signal);
  }

  revive(...paths: string[]): Promise<Revival[]> {
    return revive(this.context, { locators: paths.map((path) => this.locator(path)), by: "test" });
  }

  /** Steps of the audit about one object, in their order. */
  async steps(path: string): Promise<string[]> {
    const { rows } = await this.db.query<{ step: string }>(
      "SELECT step FROM holdfast.audit WHERE locator = $1 ORDER BY id",
      [this.locator(path)],
    );
    return rows.map(({ step }) => step);
  }
}

export function sha256(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}
