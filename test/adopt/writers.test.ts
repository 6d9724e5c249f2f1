/** Adopting and undoing while others write, dying at any step: no writer is ever refused, and in the end every row is guarded. */

import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { Client } from "pg";
import { beforeAll, describe, expect, it } from "vitest";
import type { ApplyOptions } from "../../src/adopt/contract.ts";
import { type AdoptLaboratory, adoptLaboratory } from "./laboratory.ts";

const rows = 3000;
const tables = `
  CREATE SCHEMA lab;
  CREATE TABLE lab.scan (scan bigint PRIMARY KEY, note text, f jsonb NOT NULL, g jsonb);
  COMMENT ON COLUMN lab.scan.f IS ':<blob@>:';
  COMMENT ON COLUMN lab.scan.g IS ':<attach@cold>:';
  CREATE TABLE lab.part (scan bigint PRIMARY KEY, f jsonb);
  COMMENT ON COLUMN lab.part.f IS ':<npy@>:';
  INSERT INTO lab.scan SELECT n, 'n' || n, jsonb_build_object('path', '_hash/lab/a' || n % 500), CASE WHEN n % 3 = 0 THEN jsonb_build_object('store', 'cold', 'path', '_schema/lab/g' || n) END
    FROM generate_series(1, ${rows}) n;
  INSERT INTO lab.part SELECT n, jsonb_build_object('store', '', 'path', '_schema/lab/p' || n) FROM generate_series(1, ${rows}) n;`;

let lab: AdoptLaboratory;

beforeAll(async () => {
  lab = await adoptLaboratory(undefined, ["lab"]);
  await lab.db.transaction((transaction) => transaction.query(tables));
});

class Writers {
  readonly failures: string[] = [];
  readonly present = new Set<number>(Array.from({ length: rows }, (_, at) => at + 1));
  done = 0;
  #isOver = false;
  readonly #lanes: Promise<void>[];

  constructor(url: string) {
    this.#lanes = [1, 2, 3].map((lane) => this.#write(url, lane));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
  }

  async #write(url: string, lane: number): Promise<void> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      for (let turn = 0; !this.#isOver; turn++) {
        const id = lane * 1_000_000 + turn;
        await this.#turn(client, id, turn).catch(async (error: unknown) => {
          this.failures.push(String(error));
          await client.query("ROLLBACK");
        });
        this.done += 1;
        await sleep(3);
      }
    } finally {
      await client.end();
    }
  }

  /** As programs do: alone, in a transaction that lasts, over what was there, and away with it. */
  async #turn(client: Client, id: number, turn: number): Promise<void> {
    const value = { path: `_hash/lab/w${turn % 40}`, size: turn };
    const insert = "INSERT INTO lab.scan (scan, note, f, g) VALUES ($1, 'w', $2, $3)";
    const cold = { store: "cold", path: `_schema/lab/w${id}` };
    if (turn % 10 === 9) {
      await client.query("BEGIN");
      await client.query("SELECT count(*) FROM lab.part");
      await client.query(insert, [id, value, cold]);
      await sleep(turn % 50 === 49 ? 300 : 20);
      await client.query("INSERT INTO lab.part VALUES ($1, $2)", [id, { store: null, ...value }]);
      await client.query("COMMIT");
    } else await client.query(insert, [id, value, turn % 2 === 0 ? null : cold]);
    this.present.add(id);
    if (turn % 4 === 0) {
      const old = 1 + ((turn * 7) % rows);
      await client.query("UPDATE lab.scan SET f = $2, g = NULL WHERE scan = $1", [old, value]);
    }
    if (turn % 6 === 0) {
      const old = id - 6;
      await client.query("DELETE FROM lab.scan WHERE scan = $1", [old]);
      this.present.delete(old);
    }
  }
}

/** Rows whose value has no hold, or another one than it says. */
async function unguarded(): Promise<number> {
  const { rows: found } = await lab.db.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM (
       SELECT f, _f_ref AS ref, 'main' AS store FROM lab.scan UNION ALL SELECT g, _g_ref, 'cold' FROM lab.scan UNION ALL SELECT f, _f_ref, 'main' FROM lab.part) AS v
     WHERE f IS NOT NULL AND (ref IS DISTINCT FROM coalesce(nullif(f ->> 'store', ''), v.store) || ':' || (f ->> 'path')
       OR NOT EXISTS (SELECT FROM lab."~object" h JOIN holdfast.object o USING (locator) WHERE h.locator = ref))`,
  );
  return found[0]?.n ?? -1;
}

/** Runs it again and again until it comes to its end, dying at the points that are drawn; answers how often it died. */
async function untilDone(
  work: (more: Partial<ApplyOptions>) => Promise<unknown>,
  deaths: number[],
): Promise<number> {
  for (let died = 0; ; died++) {
    let left = deaths[died] ?? Number.POSITIVE_INFINITY;
    const faults = (): void => {
      left -= 1;
      if (left === 0) throw new Error("died here");
    };
    try {
      await work({ faults, looksAtBytes: false });
      return died;
    } catch (error) {
      if (!String(error).includes("died here")) throw error;
    }
  }
}

describe("tables that are written to", () => {
  it("are adopted, given back and adopted again through deaths at any step, and no writer is refused", {
    timeout: 120_000,
  }, async () => {
    const writers = new Writers(lab.url);
    const deaths =
      fc.sample(fc.array(fc.integer({ min: 1, max: 14 }), { minLength: 5, maxLength: 5 }), 1)[0] ?? [];
    let died = await untilDone((more) => lab.adopt(more), [1, 2, 3, 4, ...deaths]);
    expect(await lab.guard()).toEqual([]);
    expect(await unguarded()).toBe(0);
    died += await untilDone((more) => lab.undo(more), [1, 2, 3, 4, 5, 6, 7, 8]);
    const { rows: left } = await lab.db.query(
      "SELECT FROM pg_attribute WHERE attrelid = 'lab.scan'::regclass AND attgenerated = 's' AND NOT attisdropped UNION ALL SELECT FROM pg_class WHERE relname = '~object'",
    );
    expect(left).toEqual([]);
    died += await untilDone((more) => lab.adopt(more), deaths);
    await writers.end();
    expect(writers.failures).toEqual([]);
    expect(writers.done).toBeGreaterThan(100);
    expect(died).toBeGreaterThan(12);
    expect(await lab.guard()).toEqual([]);
    expect(await unguarded()).toBe(0);
    const { rows: scans } = await lab.db.query<{ scan: string }>("SELECT scan::text AS scan FROM lab.scan");
    expect(new Set(scans.map(({ scan }) => Number(scan)))).toEqual(writers.present);
  });

  it("are gone on with where an index was not finished", async () => {
    await lab.undo();
    const stop = new AbortController();
    const holder = new Client({ connectionString: lab.url });
    await holder.connect();
    await holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    // The building of the index waits for whoever may still look at what was before, and is ended while it does.
    const onStep = (step: string): void => {
      if (step.includes("index of f")) setTimeout(() => stop.abort(new Error("enough")), 300);
    };
    const adopting = lab.adopt({ signal: stop.signal, onStep, looksAtBytes: false });
    await holder.query("SELECT count(*) FROM pg_class");
    await expect(adopting).rejects.toThrow();
    await holder.query("COMMIT");
    await holder.end();
    expect((await lab.guard()).length).toBeGreaterThan(0);
    const invalid = "SELECT FROM pg_index WHERE NOT indisvalid";
    expect((await lab.db.query(invalid)).rowCount).toBe(1);
    expect((await lab.adopt({ looksAtBytes: false })).tables.flatMap(({ obstacles }) => obstacles)).toEqual(
      [],
    );
    expect((await lab.db.query(invalid)).rowCount).toBe(0);
    expect(await lab.guard()).toEqual([]);
    expect(await unguarded()).toBe(0);
  });
});
