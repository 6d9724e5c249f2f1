/** The stage of one interleaving: a fresh database with the migrations as built, two schemas, three adopted tables, three sessions. */

import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { expect, inject } from "vitest";
import { migrate } from "../../src/db/migrate.ts";
import { Session } from "./session.ts";

export const hold = 'lab."~object"';
export const object = "holdfast.object";
/** Locator of the object that most interleavings are about. */
export const locator = "main:_hash/lab/a";
/** Condemned longer ago than the grace period. */
export const old = "condemned_at < now() - interval '7 days'";

/** JSON of a reference, as a row stores it. */
export function reference(key: string): string {
  return `{"path":"_hash/lab/${key}","store":"main"}`;
}

/** INSERT of a row that refers to object `key`. */
export function insert(id: number, key = "a", table = "lab.t"): string {
  return `INSERT INTO ${table} VALUES (${id}, '${reference(key)}')`;
}

/** Three sessions on one database: `monitor` observes, `a` and `b` race. */
export class World {
  readonly monitor: Session;
  readonly a: Session;
  readonly b: Session;

  constructor(monitor: Session, a: Session, b: Session) {
    this.monitor = monitor;
    this.a = a;
    this.b = b;
  }

  async close(): Promise<void> {
    await Promise.all([this.monitor.close(), this.a.close(), this.b.close()]);
  }

  /** A verified object that nobody refers to any more, still held by `lab`. */
  async held(): Promise<void> {
    await this.monitor.run(insert(1));
    await this.monitor.run(`UPDATE ${object} SET verified_at = now()`);
    await this.monitor.run("DELETE FROM lab.t");
  }

  /** The same, released and condemned long ago. */
  async condemned(): Promise<void> {
    await this.held();
    await this.sweep(this.monitor, hold);
    await this.condemn();
  }

  async condemn(): Promise<void> {
    await this.monitor.run(`UPDATE ${object} SET condemned_at = now() - interval '30 days'`);
  }

  /** As the collector condemns: only what nobody is seen to lock, never waiting. */
  async condemnUnlocked(): Promise<void> {
    await this.monitor.run(
      `UPDATE ${object} SET condemned_at = now() - interval '30 days'
       WHERE locator IN (SELECT locator FROM ${object} FOR NO KEY UPDATE SKIP LOCKED)`,
    );
  }

  /** Rows that one sweep of `target` deleted. */
  async sweep(session: Session, target: string, condition = "true"): Promise<number> {
    return Number(await session.value("CALL holdfast.sweep($1, $2, 1000, 0)", target, condition));
  }

  async count(from: string): Promise<number> {
    return Number(await this.monitor.value(`SELECT count(*) FROM ${from}`));
  }

  /** Every reference has its hold and object; no object stands beside a tombstone that has not drained. */
  async expectSound(): Promise<void> {
    for (const table of ["lab.t", "lab.u", "x.t"]) {
      if ((await this.monitor.value("SELECT to_regclass($1)", table)) === null) continue;
      const schema = table.split(".")[0];
      const dangling = await this.count(
        `${table} r WHERE _d_ref IS NOT NULL AND NOT EXISTS (SELECT FROM ${schema}."~object" h JOIN ${object} o USING (locator) WHERE h.locator = r._d_ref)`,
      );
      expect(dangling, `dangling rows in ${table}`).toBe(0);
    }
    const beside = await this.count(
      `${object} o JOIN holdfast.tombstone t USING (locator)
       WHERE t.hidden_at IS NULL OR (o.verified_at IS NOT NULL AND t.hidden_at > o.verified_at)`,
    );
    expect(beside, "object rows beside a tombstone").toBe(0);
  }
}

/** Makes worlds: a migrated template database, copied for each. */
export class Stage {
  readonly #admin: Client;
  readonly #template = `race_${randomBytes(5).toString("hex")}`;
  #made = 0;

  constructor() {
    this.#admin = new Client({ connectionString: inject("postgresUrl") });
  }

  async open(): Promise<void> {
    await this.#admin.connect();
    await this.#admin.query(`CREATE DATABASE ${this.#template}`);
    await migrate(urlOf(this.#template));
    await withClient(urlOf(this.#template), async (client) => {
      await client.query("INSERT INTO holdfast.store (name) VALUES ('main')");
      await client.query("CREATE SCHEMA lab; CREATE SCHEMA x");
      for (const table of ["lab.t", "lab.u", "x.t"]) {
        await client.query(`CREATE TABLE ${table} (id int PRIMARY KEY, d jsonb)`);
        await client.query(`SELECT holdfast.adopt_column('${table}', 'd', 'main')`);
      }
    });
  }

  async close(): Promise<void> {
    await this.#admin.query(`DROP DATABASE IF EXISTS ${this.#template} WITH (FORCE)`);
    await this.#admin.end();
  }

  /** Definition of a function of the migrations, as SQL that replaces it. */
  async functionText(signature: string): Promise<string> {
    let text = "";
    await withClient(urlOf(this.#template), async (client) => {
      const result = await client.query("SELECT pg_get_functiondef($1::regprocedure) AS text", [signature]);
      text = result.rows[0].text;
    });
    return text;
  }

  /** Plays `scene` in a fresh copy; `change` is SQL that alters the protocol first. */
  async play(scene: (world: World) => Promise<void>, change?: string): Promise<void> {
    const name = `${this.#template}_${++this.#made}`;
    await this.#admin.query(`CREATE DATABASE ${name} TEMPLATE ${this.#template}`);
    try {
      if (change !== undefined) await withClient(urlOf(name), (client) => client.query(change));
      const [monitor, a, b] = await Promise.all([open(name), open(name), open(name)]);
      const world = new World(monitor, a, b);
      try {
        await scene(world);
      } finally {
        await world.close();
      }
    } finally {
      await this.#admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    }
  }
}

function open(database: string): Promise<Session> {
  return Session.open(urlOf(database));
}

function urlOf(database: string): string {
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${database}`;
  return url.href;
}

async function withClient(url: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
