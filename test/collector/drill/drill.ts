/**
 * The drill: processes of the API and of the collector work at once on one database and one store, each is killed at a named point or at any
 * moment, and another takes its place; some are stopped for longer than their claims and go on; PostgreSQL is ended at once and started again.
 * In between everything comes to rest, and what is left is compared with what was acknowledged.
 */

import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import {
  catalogProblems,
  guardProblems,
  quiesce,
  storeProblems,
  verifiedProblems,
} from "../proof/invariants.ts";
import { World } from "../proof/world.ts";
import { bundleProcesses } from "./bundle.ts";
import { Expected } from "./expected.ts";
import { type Death, live, type Role } from "./lane.ts";
import type { Line } from "./lines.ts";
import { Quota } from "./quota.ts";
import { type Random, randomFrom } from "./random.ts";
import { Server } from "./server.ts";
import { Stops } from "./stops.ts";
import { policy, stopMs } from "./times.ts";

export interface DrillOptions {
  readonly seed: number;
  /** Ends after so many deaths, `least` of them at each point … */
  readonly kills: number;
  /** None unless given. */
  readonly least?: number;
  /** … and so many that were stopped and went on; none unless given … */
  readonly stops?: number;
  /** … or seconds. */
  readonly seconds: number;
  /** Seconds of load before everything comes to rest. */
  readonly loadSeconds?: number;
  /** Takes the foreign keys of rows away: the drill must then find what is lost. */
  readonly isControl?: boolean;
  readonly say?: (line: string) => void;
  /** Told after each rest how far it has come. */
  readonly keep?: (result: DrillResult) => void;
}

export interface DrillResult {
  readonly seed: number;
  readonly seconds: number;
  readonly isControl: boolean;
  readonly kills: number;
  /** Deaths at each named point. */
  readonly hits: Readonly<Record<string, number>>;
  /** Deaths at no named point. */
  readonly shots: number;
  /** Processes that were stopped for twice the life of a claim and went on: at a named point, or `writer`, `collector`: at any moment. */
  readonly stops: Readonly<Record<string, number>>;
  readonly restarts: number;
  readonly rests: number;
  readonly acknowledged: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Rows that are not what was acknowledged. */
  readonly lost: readonly string[];
  /** Rows without their bytes. */
  readonly dangling: readonly string[];
  /** Bytes, objects, tombstones and uploads that nobody needs, after everything has come to rest. */
  readonly leaked: readonly string[];
  readonly wrong: readonly string[];
}

const writers = 3;
const collectors = 3;

export async function drill(options: DrillOptions): Promise<DrillResult> {
  const base = await mkdtemp(join(tmpdir(), "holdfast-drill-"));
  const server = await Server.start(join(base, "postgres"));
  try {
    return await new Drill(options, server, base).run();
  } finally {
    await server.stop();
    await rm(base, { recursive: true, force: true });
  }
}

class Drill {
  readonly #options: DrillOptions;
  readonly #server: Server;
  readonly #base: string;
  readonly #random: Random;
  readonly #expected = new Expected();
  readonly #quota: Quota;
  readonly #stops: Stops;
  readonly #found = {
    lost: [] as string[],
    dangling: [] as string[],
    leaked: [] as string[],
    wrong: [] as string[],
  };
  readonly #begin = performance.now();
  #url = "";
  #stores = "{}";
  #kills = 0;
  #shots = 0;
  #rests = 0;
  #seed: number;
  #isResting = false;

  constructor(options: DrillOptions, server: Server, base: string) {
    this.#options = options;
    this.#server = server;
    this.#base = base;
    this.#random = randomFrom(options.seed);
    this.#seed = options.seed;
    this.#quota = new Quota(options.least ?? 0, this.#random);
    this.#stops = new Stops(this.#random, {
      all: () => this.#leases(),
      expire: (ids) => this.#expire(ids),
    });
  }

  async run(): Promise<DrillResult> {
    await this.#prepare();
    while (!this.#isOver() && this.#isFine()) {
      await this.#load();
      await this.#rest();
      this.#options.keep?.(this.#result());
      this.#options.say?.(`${this.#kills} deaths, ${this.#rests} rests, ${Math.round(this.#seconds())} s`);
    }
    return this.#result();
  }

  #result(): DrillResult {
    return {
      seed: this.#options.seed,
      seconds: Math.round(this.#seconds()),
      isControl: this.#options.isControl === true,
      kills: this.#kills,
      hits: Object.fromEntries(this.#quota.hits),
      shots: this.#shots,
      stops: Object.fromEntries([...this.#stops.counts].sort()),
      restarts: this.#server.restarts,
      rests: this.#rests,
      acknowledged: this.#expected.acknowledged,
      refused: Object.fromEntries(this.#expected.refused),
      ...this.#found,
    };
  }

  #seconds(): number {
    return (performance.now() - this.#begin) / 1000;
  }

  #isOver(): boolean {
    const { kills, stops = 0 } = this.#options;
    const isDone = this.#kills >= kills && this.#quota.isMet && this.#stops.total >= stops;
    return isDone || this.#seconds() >= this.#options.seconds;
  }

  #isFine(): boolean {
    const { lost, dangling, leaked, wrong } = this.#found;
    return lost.length + dangling.length + leaked.length + wrong.length === 0;
  }

  async #prepare(): Promise<void> {
    await bundleProcesses(this.#base);
    const location = join(this.#base, "main");
    await mkdir(location);
    const client = new Client({ connectionString: this.#server.url });
    await client.connect();
    await client.query("CREATE DATABASE drill");
    await client.end();
    const url = new URL(this.#server.url);
    url.pathname = "/drill";
    this.#url = url.href;
    const stores = { default: "main", main: { protocol: "file", location } };
    this.#stores = JSON.stringify(stores);
    const world = await World.make(this.#url, stores);
    if (this.#options.isControl === true) await loosen(world);
    await world.close();
  }

  /** Load, deaths and restarts for some seconds; then all that still live are shot. */
  async #load(): Promise<void> {
    await this.#withWorld((world) => world.policy(policy));
    const until = performance.now() + (this.#options.loadSeconds ?? 35) * 1000;
    const isOpen = (): boolean => performance.now() < until && !this.#isOver();
    this.#isResting = false;
    const lanes: Promise<void>[] = [];
    for (let lane = 0; lane < writers; lane++) lanes.push(this.#lane("writer", lane, isOpen));
    for (let lane = 0; lane < collectors; lane++) lanes.push(this.#lane("collector", writers + lane, isOpen));
    const trouble = this.#trouble(isOpen);
    const strike = this.#stops.strike(() => isOpen() && performance.now() < until - stopMs);
    while (isOpen()) await delay(100);
    this.#isResting = true;
    for (const shoot of this.#shooting) shoot();
    await Promise.all([...lanes, trouble, strike]);
  }

  readonly #shooting = new Set<() => void>();

  async #lane(role: Role, number: number, isOpen: () => boolean): Promise<void> {
    while (isOpen()) {
      const isShot = this.#random(5) === 0;
      const stop = this.#quota.stop(role);
      let child: ChildProcess | undefined;
      const shoot = (): void => void child?.kill("SIGKILL");
      const death = await live({
        role,
        folder: this.#base,
        url: this.#url,
        stores: this.#stores,
        number,
        seed: this.#seed++,
        // A store can rename or it cannot, for all its workers: both ways, one load after the other.
        way: this.#rests % 2 === 0 ? "rename" : "copy",
        // Who is to be stopped comes to that point, and lives on after it.
        deaths: isShot || stop !== undefined ? [] : this.#quota.deaths(role),
        stop,
        shotAfterMs: isShot ? 400 + this.#random(2500) : undefined,
        hear: (line) => this.#hear(line, role, child),
        started: (started) => {
          child = started;
          this.#stops.add(started, role, stop !== undefined);
          this.#shooting.add(shoot);
          if (this.#isResting) shoot();
        },
      });
      this.#shooting.delete(shoot);
      this.#bury(death);
    }
  }

  #hear(line: Line, role: Role, child: ChildProcess | undefined): void {
    if ("stopped" in line && child !== undefined) void this.#stops.goOn(child, role, line.stopped);
    else this.#expected.hear(line);
  }

  #bury({ how, point }: Death): void {
    if (how === "lived") return;
    this.#kills += 1;
    if (point !== undefined) this.#quota.count(point);
    else this.#shots += 1;
  }

  async #leases(): Promise<readonly string[]> {
    const ids: string[] = [];
    await this.#quietly(async (client) => {
      const { rows } = await client.query<{ id: string }>("SELECT id FROM holdfast.upload");
      ids.push(...rows.map(({ id }) => id));
    });
    return ids;
  }

  #expire(ids: readonly string[]): Promise<void> {
    return this.#quietly((client) =>
      client.query(
        "UPDATE holdfast.upload SET expires_at = clock_timestamp() - interval '1 s' WHERE expires_at > clock_timestamp() AND id = ANY ($1)",
        [ids],
      ),
    );
  }

  /** What comes from outside: restarts, leases that run out, foreign writers that have looked too early. */
  async #trouble(isOpen: () => boolean): Promise<void> {
    let crashAt = performance.now() + 4000 + this.#random(8000);
    while (isOpen()) {
      await delay(400);
      await this.#quietly((client) =>
        client.query(
          `UPDATE holdfast.upload SET expires_at = clock_timestamp() - interval '1 s' WHERE expires_at > clock_timestamp()
             AND id IN (SELECT id FROM holdfast.upload ORDER BY random() LIMIT 1)`,
        ),
      );
      await this.#lateForeignWriter();
      if (performance.now() < crashAt || !isOpen()) continue;
      await this.#server.crash();
      crashAt = performance.now() + 5000 + this.#random(15_000);
    }
  }

  /** A row for bytes that are in the trash by now: it was promised a heal. */
  async #lateForeignWriter(): Promise<void> {
    await this.#quietly(async (client) => {
      const id = 9000 + this.#random(5);
      await client.query("DELETE FROM peer.item WHERE id = $1", [id]);
      await client.query(
        `INSERT INTO peer.item SELECT $1, jsonb_build_object('store', 'main', 'path', split_part(locator, ':', 2))
         FROM holdfast.tombstone t JOIN holdfast.store s ON s.name = 'main'
         WHERE locator LIKE 'main:\\_hash/peer/%' AND trash IS NOT NULL
           AND hidden_at + drain < clock_timestamp() AND purge_after > clock_timestamp() + interval '5 s'
           AND NOT EXISTS (SELECT FROM holdfast.tombstone u WHERE u.locator = t.locator AND u.id > t.id)
         ORDER BY random() LIMIT 1`,
        [id],
      );
    });
  }

  /** The server may be away, or the key be deleted at the moment. */
  async #quietly(work: (client: Client) => Promise<unknown>): Promise<void> {
    const client = new Client({ connectionString: this.#url, statement_timeout: 3000 });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await work(client);
    } catch {
      // Another time.
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async #withWorld<T>(work: (world: World) => Promise<T>): Promise<T> {
    const world = await World.open(this.#url, JSON.parse(this.#stores));
    try {
      return await work(world);
    } finally {
      await world.close();
    }
  }

  /** Everything comes to rest, and is compared. */
  async #rest(): Promise<void> {
    await this.#withWorld(async (world) => {
      const leaked = await quiesce(world, 10);
      const { lost, dangling } = await this.#expected.compare(world);
      this.#found.lost.push(...lost);
      this.#found.dangling.push(...dangling);
      this.#found.leaked.push(...leaked);
      const wrong = [
        await catalogProblems(world),
        await guardProblems(world),
        await verifiedProblems(world),
        await storeProblems(world),
      ];
      wrong.push(await this.#expected.putTwice(world));
      this.#found.wrong.push(...wrong.flat(), ...this.#expected.wrong.splice(0));
    });
    this.#rests += 1;
  }
}

/** The control: rows hold nothing any more, and nobody looks. */
async function loosen(world: World): Promise<void> {
  for (const table of ["lab.item", "proj.item", "peer.item"])
    await world.db.query(`ALTER TABLE ${table} DROP CONSTRAINT _value_ref_fk`);
  const { rows } = await world.db.query<{ text: string }>("SELECT pg_get_viewdef('holdfast.guard') AS text");
  const guard = rows[0]?.text.replace(/;\s*$/, "");
  await world.db.query(
    `CREATE OR REPLACE VIEW holdfast.guard AS SELECT * FROM (${guard}) AS found WHERE false`,
  );
}
