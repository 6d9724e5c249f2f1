/** What many writers do by one statement must be what each of them would have done alone. */

import { beforeAll, describe, expect, test } from "vitest";
import { connect } from "../../src/db/database.ts";
import type { StagedObject } from "../../src/object/contract.ts";
import { EqualContents } from "../../src/object/equal-content.ts";
import { Reservations, reserveOne } from "../../src/object/reservations.ts";
import { codeOf } from "../contract/store.ts";
import { freshDatabase } from "../support/database.ts";
import { type Laboratory, laboratory, target } from "./laboratory.ts";

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory();
});

const leaseMs = 60_000;

describe("reservations made together", () => {
  test("each has a key of its own, and nobody gets a key that is taken", async () => {
    const taken = await reserveOne(lab.db, { locator: "main:_hash/lab/t/taken", leaseMs });
    expect(taken).toBeDefined();
    const asked: string[] = [];
    const queries = { ...lab.db, query: countedQuery(asked) };
    const reservations = new Reservations(queries);
    const wanted = Array.from({ length: 300 }, (_, n) =>
      n % 100 === 99 ? "main:_hash/lab/t/taken" : `main:_hash/lab/t/${n % 250}`,
    );
    const ids = await Promise.all(
      wanted.map((locator, n) => reservations.reserve({ locator, leaseMs, principal: `p${n}` })),
    );
    const { rows } = await lab.db.query<{ id: string; locator: string; principal: string }>(
      "SELECT id, locator, principal FROM holdfast.upload WHERE locator LIKE 'main:\\_hash/lab/t/%' AND principal IS NOT NULL",
    );
    expect(new Map(rows.map(({ id, locator, principal }) => [id, [locator, principal]]))).toEqual(
      new Map(ids.flatMap((id, n) => (id === undefined ? [] : [[id, [wanted[n], `p${n}`]]]))),
    );
    expect(new Set(rows.map(({ locator }) => locator)).size).toBe(new Set(wanted).size - 1);
    for (const [n, locator] of wanted.entries())
      if (locator.endsWith("taken")) expect(ids[n]).toBeUndefined();
    expect(asked.length).toBeLessThan(20);
  });

  test("one that cannot be made fails alone", async () => {
    const reservations = new Reservations(lab.db);
    const [good, bad, other] = await Promise.allSettled(
      ["main:_hash/lab/g/1", "main:_hash/lab/\u0000", "main:_hash/lab/g/2"].map((locator) =>
        reservations.reserve({ locator, leaseMs }),
      ),
    );
    expect([good?.status, bad?.status, other?.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await reservations.reserve({ locator: "main:_hash/lab/g/3", leaseMs })).toBeDefined();
  });

  test("a database that is away is waited for once, not once for each", async () => {
    const db = await connect(await freshDatabase());
    await db.close();
    const asked: string[] = [];
    const reservations = new Reservations({ query: countedQuery(asked, db) });
    const ended = await Promise.allSettled(
      Array.from({ length: 50 }, (_, n) =>
        reservations.reserve({ locator: `main:_hash/lab/a/${n}`, leaseMs }),
      ),
    );
    for (const { status, ...rest } of ended)
      expect({ status, ...rest }).toMatchObject({
        status: "rejected",
        reason: { code: "DATABASE_UNAVAILABLE" },
      });
    expect(asked).toHaveLength(1);
  });
});

function countedQuery(asked: string[], db = lab.db): Laboratory["db"]["query"] {
  return (text, values, options) => {
    asked.push(text);
    return db.query(text, values, options);
  };
}

describe("contents looked up together", () => {
  test("each finds what has its content, by few statements", async () => {
    const texts = Array.from({ length: 30 }, (_, n) => `content ${n}`);
    const staged = await Promise.all(
      texts.map((text) => lab.objects.writer.stage(target("hash"), Buffer.from(text))),
    );
    await lab.db.transaction((transaction) => lab.objects.writer.publishNew(transaction, staged));
    const asked: string[] = [];
    const contents = new EqualContents({ query: countedQuery(asked) });
    const wanted = staged.flatMap(({ dedup = "" }) => [dedup, `${dedup.slice(0, -1)}x`]);
    const found = await Promise.all(wanted.map((dedup) => contents.recorded(dedup)));
    expect(found.map((one) => one?.locator)).toEqual(staged.flatMap(({ locator }) => [locator, undefined]));
    expect(asked).toHaveLength(1);
    await lab.db.query("UPDATE holdfast.object SET verified_at = NULL, dedup = NULL WHERE locator = $1", [
      staged[0]?.locator,
    ]);
    const again = await Promise.all(wanted.slice(0, 3).map((dedup) => contents.recorded(dedup)));
    expect(again.map((one) => one?.locator)).toEqual([undefined, undefined, staged[1]?.locator]);
  });

  test("one that cannot be asked for fails alone", async () => {
    const contents = new EqualContents(lab.db);
    const asked = ["main/lab/a", "main/lab/\u0000", "main/lab/b"].map((dedup) => contents.recorded(dedup));
    const ended = await Promise.allSettled(asked);
    expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });
});

describe("new objects published together", () => {
  const stage = (text: string) => lab.objects.writer.stage(target("hash"), Buffer.from(text));
  const held = async () =>
    Number((await lab.db.query('SELECT FROM lab."~object"')).rowCount) +
    Number((await lab.db.query("SELECT FROM holdfast.object WHERE verified_at IS NOT NULL")).rowCount);

  test("are what rows may name, equal content once", async () => {
    const staged: StagedObject[] = [];
    for (const text of ["one", "two", "one"]) staged.push(await stage(text));
    const before = await held();
    const objects = await lab.db.transaction((transaction) =>
      lab.objects.writer.publishNew(transaction, staged),
    );
    expect(objects?.map(({ path }) => path)).toEqual([0, 1, 0].map((n) => staged[n]?.object.path));
    expect(await held()).toBe(before + 4);
  });

  test("one that has expired: nothing is done, and one by one it is told which", async () => {
    const staged: StagedObject[] = [];
    for (const text of ["three", "four", "five"]) staged.push(await stage(text));
    await lab.db.query("UPDATE holdfast.upload SET expires_at = now() - interval '1 s' WHERE id = $1", [
      staged[1]?.uploadId,
    ]);
    const before = await held();
    await lab.db.transaction(async (transaction) => {
      expect(await lab.objects.writer.publishNew(transaction, staged)).toBeUndefined();
      const { rows } = await transaction.query("SELECT 1");
      expect(rows).toHaveLength(1);
    });
    expect(await held()).toBe(before);
    const codes = await lab.db.transaction(async (transaction) => {
      const found: unknown[] = [];
      for (const one of staged)
        found.push(await codeOf(lab.objects.writer.publish(transaction, one)).catch(() => "published"));
      return found;
    });
    expect(codes).toEqual(["published", "UPLOAD_EXPIRED", "published"]);
  });
});
