/** The check as a whole: rows that lead nowhere, its record, and what it says of all stores. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Doubt } from "../../src/collector/contract.ts";
import { knownPaths, momentOf } from "../../src/collector/known.ts";
import { Pool } from "../../src/collector/pool.ts";
import { compareBytes } from "../../src/store/path.ts";
import { codeOf } from "../contract/store.ts";
import { type Laboratory, laboratory } from "../object/laboratory.ts";
import { Truth } from "./truth-laboratory.ts";

let lab: Laboratory;
let truth: Truth;
beforeAll(async () => {
  lab = await laboratory();
  truth = new Truth(lab.db, lab.objects, "main");
});
beforeEach(() => truth.empty(lab.main));

/** With foreign keys and triggers off, as only a superuser can. */
async function unguarded(...statements: string[]): Promise<void> {
  await lab.db.transaction(async (transaction) => {
    await transaction.query("SET LOCAL session_replication_role = replica");
    for (const statement of statements) await transaction.query(statement);
  });
}

describe("rows that lead nowhere", () => {
  test("are told, with the table that lacks them and whether the bytes are there", async () => {
    const [hold, object, gone] = [
      await truth.write(1, "no hold"),
      await truth.write(2, "no object"),
      await truth.write(3, "no bytes either"),
    ];
    await truth.write(4, "fine");
    await unguarded(
      `DELETE FROM lab."~object" WHERE locator = 'main:${hold.path}'`,
      `DELETE FROM holdfast.object WHERE locator IN ('main:${object.path}', 'main:${gone.path}')`,
    );
    await rm(join(lab.main, gone.path));
    const { findings, report } = await truth.check();
    const told = findings.filter(({ kind }) => kind === "DANGLING_ROW");
    expect(told.map(({ locator, message }) => [locator, message]).sort()).toEqual(
      [
        [
          `main:${hold.path}`,
          `lab.item._value_ref refers to it, and lab."~object" does not have it. Its bytes are there.`,
        ],
        [
          `main:${object.path}`,
          `lab."~object".locator refers to it, and holdfast.object does not have it. Its bytes are there.`,
        ],
        [
          `main:${gone.path}`,
          `lab."~object".locator refers to it, and holdfast.object does not have it. Its bytes are not in the store.`,
        ],
      ].sort(),
    );
    expect(report.stores[0]).toMatchObject({ lost: 1, found: { DANGLING_ROW: 3 } });
  });

  test("of many pages are told once each", async () => {
    await unguarded(
      `INSERT INTO lab."~object" (locator) SELECT 'main:_hash/lab/' || n FROM generate_series(1, 2500) n`,
    );
    const { report } = await truth.check();
    expect(report.stores[0]?.found.DANGLING_ROW).toBe(2_500);
    await unguarded(`DELETE FROM lab."~object"`);
  });
});

test("a table that may not be read is a doubt by name, and the rest is checked", async () => {
  await truth.write(1, "fine");
  await lab.db.query("CREATE ROLE holdfast_reader_of_some").catch(() => undefined);
  await lab.db.query("GRANT ALL ON SCHEMA holdfast TO holdfast_reader_of_some");
  await lab.db.query("GRANT ALL ON ALL TABLES IN SCHEMA holdfast TO holdfast_reader_of_some");
  await lab.db.query("GRANT USAGE ON SCHEMA lab TO holdfast_reader_of_some");
  const restricted = new Truth(
    {
      ...lab.db,
      close: () => Promise.resolve(),
      transaction: (work, options) => lab.db.transaction(work, options),
      query: (text, values, options) =>
        lab.db.transaction(async (transaction) => {
          await transaction.query("SET LOCAL ROLE holdfast_reader_of_some");
          return transaction.query(text, values, options);
        }),
    },
    lab.objects,
    "main",
  );
  const { report } = await restricted.check();
  expect(report.doubts).toMatchObject([{ code: "PERMISSION", subject: "lab.item" }]);
  expect(report.stores[0]).toMatchObject({ objects: 1 });
});

describe("the report", () => {
  test("has every store, the doubts of the database, and is on record", async () => {
    await truth.write(1, "fine");
    const doubt: Doubt = { code: "GUARD", subject: "lab.item", message: "m", remedy: "r" };
    const { report } = await truth.check({ stores: ["main", "cold"], by: "someone" }, [doubt]);
    expect(report.doubts).toEqual([doubt]);
    expect(report.stores.map(({ store, objects }) => [store, objects])).toEqual([
      ["main", 1],
      ["cold", 0],
    ]);
    const { rows } = await lab.db.query<Record<string, unknown>>(
      "SELECT kind, state, applied, by, version, report::text AS report, ended_at IS NOT NULL AS ended FROM holdfast.collector_run WHERE id = $1",
      [report.run],
    );
    expect(rows[0]).toMatchObject({
      kind: "FSCK",
      state: "DONE",
      applied: false,
      by: "someone",
      version: "test",
      ended: true,
    });
    expect(JSON.parse(String(rows[0]?.["report"]))).toEqual({ doubts: report.doubts, stores: report.stores });
  });

  test("a store that is not configured is refused by name, and leaves no run", async () => {
    const count = async () => (await lab.db.query("SELECT FROM holdfast.collector_run")).rowCount;
    const before = await count();
    expect(await codeOf(truth.check({ stores: ["main", "nowhere"] }))).toBe("STORE_UNKNOWN");
    expect(await count()).toBe(before);
  });

  test("a caller that gives up, or whose answer fails, ends it, on record as failed", async () => {
    for (let id = 1; id <= 3; id++) await truth.write(id, `content ${id}`);
    await truth.put("_hash/lab/unknown", "x");
    const stateOf = async () => {
      const { rows } = await lab.db.query<{ state: string; report: string }>(
        "SELECT state, report::text AS report FROM holdfast.collector_run ORDER BY id DESC LIMIT 1",
      );
      return rows[0];
    };
    const failing = truth.check({ onFinding: () => Promise.reject(new Error("no more paper")) });
    await expect(failing).rejects.toThrow("no more paper");
    expect(await stateOf()).toMatchObject({
      state: "FAILED",
      report: expect.stringMatching(/no more paper/),
    });
    const stop = new AbortController();
    const { list } = truth.driver;
    const stopped = truth.seen({
      list: async function* (prefix, options) {
        yield* list(prefix, options);
        if (prefix === "_schema/") stop.abort(new Error("enough"));
      },
    });
    await expect(stopped.check({ apply: true, signal: stop.signal })).rejects.toThrow("enough");
    expect(await stateOf()).toMatchObject({ state: "FAILED" });
    expect(await truth.object("_hash/lab/unknown")).toBeUndefined();
  });
});

test("what the database knows comes once each, in byte order, whatever the size of a page", async () => {
  const names = ["a", "a-b", "a/b", "a0", "b", "é", "\u{ffee}", "\u{1f600}", "z"];
  await lab.db.query(
    `INSERT INTO holdfast.object (locator, verified_at) SELECT 'main:_hash/lab/' || n, now() FROM unnest($1::text[]) n`,
    [names.filter((_, at) => at % 2 === 0)],
  );
  await lab.db.query("INSERT INTO holdfast.object (locator) VALUES ('cold:_hash/lab/a')");
  for (const name of names.filter((_, at) => at % 3 === 0))
    await lab.db.query("INSERT INTO holdfast.upload (locator, expires_at) VALUES ($1, now())", [
      `main:_hash/lab/${name}`,
    ]);
  for (const name of [...names, ...names].filter((_, at) => at % 5 !== 0))
    await lab.db.query(
      "INSERT INTO holdfast.tombstone (locator, tree, hidden_at) VALUES ($1, false, now())",
      [`main:_hash/lab/${name}`],
    );
  const since = await momentOf(lab.db);
  for (const pageSize of [1, 2, 3, 1000]) {
    const found: [string, boolean][] = [];
    for await (const { path, object } of knownPaths(lab.db, { store: "main", since, pageSize }))
      found.push([path, object !== undefined]);
    const expected = [...names]
      .sort(compareBytes)
      .map((name) => [`_hash/lab/${name}`, names.indexOf(name) % 2 === 0]);
    expect(found).toEqual(expected);
  }
});

test("the pool runs a few at once, begins no more after a failure, and tells it", async () => {
  const pool = new Pool(3);
  let running = 0;
  let most = 0;
  for (let at = 0; at < 20; at++) {
    await pool.add(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running -= 1;
    });
  }
  await pool.done();
  expect([most, running]).toEqual([3, 0]);
  await pool.add(() => Promise.reject(new Error("broken")));
  await pool.settled();
  let isBegun = false;
  const later = pool.add(async () => {
    isBegun = true;
  });
  await expect(later).rejects.toThrow("broken");
  await expect(pool.done()).rejects.toThrow("broken");
  expect(isBegun).toBe(false);
});
