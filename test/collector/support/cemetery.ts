/** Killed objects in one store, workers that remove their bytes, and everything that is there afterwards. */

import { createHash } from "node:crypto";
import { type Removal, type RemovalOptions, removeBytes } from "../../../src/collector/bytes.ts";
import type { CollectorContext, Run } from "../../../src/collector/context.ts";
import type { Decision } from "../../../src/collector/contract.ts";
import type { Database } from "../../../src/db/contract.ts";
import type { FaultPoints } from "../../../src/object/fault-points.ts";
import { locatorOf } from "../../../src/object/locator.ts";
import type { Store, StoreDriver, Stores } from "../../../src/store/contract.ts";
import { bodyOf, collect } from "../../contract/store.ts";

export interface Tombstone {
  readonly id: string;
  readonly path: string;
  readonly hidden: boolean;
  readonly trash: string | null;
}

export interface WorkerOptions extends Partial<RemovalOptions> {
  readonly worker?: string;
  readonly driver?: StoreDriver;
  readonly faults?: FaultPoints;
  readonly signal?: AbortSignal;
}

export interface Worked extends Removal {
  readonly decisions: readonly Decision[];
  readonly warnings: readonly string[];
}

/** What a process that dies at a point throws: no error of ours, so nothing handles it. */
export class Death extends Error {}

const year = 31_536_000;
let workers = 0;

export class Cemetery {
  readonly db: Database;
  readonly stores: Stores;
  readonly store: Store;

  constructor(db: Database, stores: Stores, store: Store) {
    this.db = db;
    this.stores = stores;
    this.store = store;
  }

  get driver(): StoreDriver {
    return this.store.driver;
  }

  async mode(mode: string): Promise<void> {
    await this.db.query("UPDATE holdfast.store SET gc = $2 WHERE name = $1", [this.store.config.name, mode]);
  }

  async put(path: string, content: string): Promise<void> {
    await this.driver.put(path, bodyOf(Buffer.from(content)));
  }

  /** Writes `files` (key: content), and kills the object at `path` that they are. Answers the tombstone's id. */
  async bury(
    path: string,
    files: Readonly<Record<string, string>>,
    { tree = false, recorded = true }: { tree?: boolean; recorded?: boolean } = {},
  ): Promise<string> {
    for (const [key, content] of Object.entries(files)) await this.put(key, content);
    const all = Object.values(files).join("");
    const digest = createHash("sha256").update(all).digest();
    const locator = locatorOf(this.store.config.name, path);
    await this.db.query(
      `INSERT INTO holdfast.object (locator, tree, size, sha256, verified_at, condemned_at)
       VALUES ($1, $2, $3, $4, clock_timestamp(), '-infinity')`,
      [locator, tree, recorded ? Buffer.byteLength(all) : null, recorded && !tree ? digest : null],
    );
    await this.db.query("DELETE FROM holdfast.object WHERE locator = $1", [locator]);
    const { rows } = await this.db.query<{ id: string }>(
      "SELECT max(id) AS id FROM holdfast.tombstone WHERE locator = $1",
      [locator],
    );
    return rows[0]?.id ?? "";
  }

  /** One worker's run, each time another one. */
  async remove(options: WorkerOptions = {}): Promise<Worked> {
    const decisions: Decision[] = [];
    const warnings: string[] = [];
    const { worker = `worker${++workers}`, driver, faults, signal, ...removal } = options;
    const context: CollectorContext = {
      db: this.db,
      stores: this.stores,
      faults: faults ?? (() => undefined),
      version: "test",
      worker,
      warn: (error, what) => warnings.push(`${what}: ${error instanceof Error ? error.message : error}`),
    };
    const run: Run = { id: "1", by: "test", signal };
    const store = driver === undefined ? this.store : { ...this.store, driver };
    const done = await removeBytes(context, run, store, {
      keepSeconds: year,
      onDecision: (decision) => void decisions.push(decision),
      ...removal,
    });
    return { ...done, decisions, warnings };
  }

  /** Lets all claims run out. */
  async expireClaims(): Promise<void> {
    await this.db.query(
      "UPDATE holdfast.tombstone SET claim_until = clock_timestamp() - interval '1 s' WHERE claim_until IS NOT NULL",
    );
  }

  /** Lets the time in the trash run out. */
  async ripen(): Promise<void> {
    await this.db.query(
      "UPDATE holdfast.tombstone SET purge_after = clock_timestamp() - interval '1 s' WHERE hidden_at IS NOT NULL",
    );
  }

  /** All keys with their content, our own section aside. */
  async keys(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for await (const { path } of this.driver.list("")) {
      if (path.startsWith("_obj/")) continue;
      const got = await this.driver.get(path);
      found[path] = got === undefined ? "gone" : (await collect(got.body)).toString();
    }
    return found;
  }

  async tombstones(): Promise<Tombstone[]> {
    const { rows } = await this.db.query<Tombstone>(
      `SELECT id, substr(locator, length($1) + 2) AS path, hidden_at IS NOT NULL AS hidden, trash FROM holdfast.tombstone
       WHERE locator >= $1 || ':' AND locator < $1 || ';' ORDER BY id`,
      [this.store.config.name],
    );
    return rows;
  }

  /** Steps in the audit, with the object. */
  async audited(): Promise<string[]> {
    const { rows } = await this.db.query<{ line: string }>(
      "SELECT step || ' ' || locator AS line FROM holdfast.audit ORDER BY id",
    );
    return rows.map(({ line }) => line);
  }

  /** The store and the tombstones, from one test to the next. */
  async clear(): Promise<void> {
    await this.db.query("DELETE FROM holdfast.tombstone");
    await this.db.query("DELETE FROM holdfast.object");
    await this.db.query("DELETE FROM holdfast.tombstone");
    await this.db.query("DELETE FROM holdfast.upload");
    for (const path of Object.keys(await this.keys())) await this.driver.delete(path);
    await this.mode("on");
  }
}

/** Ends a worker when it reaches `point` the given time. */
export function dieAt(point: string, time = 1): FaultPoints {
  let reached = 0;
  return (name) => {
    if (name === point && ++reached === time) throw new Death(`died at ${point}`);
  };
}

/** A driver that tells what it is asked to change. */
export function watched(driver: StoreDriver): { readonly driver: StoreDriver; readonly changes: string[] } {
  const changes: string[] = [];
  const { move } = driver;
  return {
    changes,
    driver: {
      ...driver,
      delete: (path, options) => {
        changes.push(`delete ${path}${options?.versionId === undefined ? "" : " version"}`);
        return driver.delete(path, options);
      },
      copy: (from, to, options) => {
        changes.push(`copy ${from}`);
        return driver.copy(from, to, options);
      },
      ...(move && {
        move: (from, to, options) => {
          changes.push(`move ${from}`);
          return move(from, to, options);
        },
      }),
    },
  };
}

/** The same store, as one that moves nothing. */
export function withoutMove({ move: _, ...driver }: StoreDriver): StoreDriver {
  return driver;
}
