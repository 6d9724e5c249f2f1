/** A hundred thousand objects: everything is done once, in memory that does not grow with them, and a busy table stops nobody for long. */

import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Decision } from "../../src/collector/contract.ts";
import { Session } from "../race/session.ts";
import { codesOf, mainOf, Stage, type World } from "./stage.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const stage = new Stage();
beforeAll(() => stage.open());
afterAll(() => stage.close());
const main = { stores: ["main"] };

/** Of every twenty objects one is held and unused, one condemned long ago, eighteen in use. */
async function fill(w: World, count: number): Promise<void> {
  await w.db.query(
    `INSERT INTO holdfast.object (locator, size, verified_at, condemned_at)
       SELECT 'main:_hash/lab/' || md5(n::text), 10, now(), CASE WHEN n % 20 = 1 THEN now() - interval '30 days' END
       FROM generate_series(1, ${count}) n;
     INSERT INTO lab."~object" (locator) SELECT 'main:_hash/lab/' || md5(n::text) FROM generate_series(1, ${count}) n WHERE n % 20 <> 1;
     INSERT INTO lab.t SELECT n, jsonb_build_object('store', 'main', 'path', '_hash/lab/' || md5(n::text))
       FROM generate_series(1, ${count}) n WHERE n % 20 > 1`,
  );
}

/** The most that the heap held beyond the beginning while `work` ran, in MB. */
async function heapOf(work: () => Promise<unknown>): Promise<number> {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  let most = 0;
  let isOver = false;
  const watch = (async () => {
    while (!isOver) {
      collectGarbage();
      most = Math.max(most, process.memoryUsage().heapUsed - before);
      await pause(500);
    }
  })();
  await work();
  isOver = true;
  await watch;
  return most / 2 ** 20;
}

test("the same memory for 10,000 and for 100,000 objects", async () => {
  const heaps: number[] = [];
  for (const count of [10_000, 100_000]) {
    await stage.play(async (w) => {
      await w.on("7 days");
      await fill(w, count);
      const seen = new Map<string, number>();
      const onDecision = ({ step }: Decision) => void seen.set(step, (seen.get(step) ?? 0) + 1);
      const dead = count / 20;
      const one = { release: dead, condemn: dead, kill: dead, kept: count - 2 * dead, inGrace: dead };
      heaps.push(
        await heapOf(async () => {
          const dry = await w.collect({ ...main, apply: false, onDecision });
          expect(mainOf(dry).counts).toMatchObject(one);
        }),
      );
      expect(Object.fromEntries(seen)).toMatchObject({ release: dead, condemn: dead, kill: dead });
      heaps.push(
        await heapOf(async () => {
          const report = await w.collect({ ...main, confirm: true, onDecision });
          expect(codesOf(report)).toEqual([]);
          expect(mainOf(report).counts).toMatchObject(one);
        }),
      );
      expect(Object.fromEntries(seen)).toMatchObject({
        release: 2 * dead,
        condemn: 2 * dead,
        kill: 2 * dead,
      });
      expect(await w.count("holdfast.tombstone")).toBe(dead);
      // For the anti-joins of the test; the collector's own must do without.
      await w.db.query("ANALYZE");
      await w.expectSound();
    });
  }
  const [drySmall = 0, small = 0, dry = 0, large = 0] = heaps;
  expect(dry - drySmall, `heap of the dry runs: ${heaps}`).toBeLessThan(16);
  expect(large - small, `heap of the runs: ${heaps}`).toBeLessThan(16);
}, 400_000);

test(
  "a table of holds that somebody has locked stops the run by name, and the run is over soon",
  () =>
    stage.play(async (w) => {
      await w.on("7 days");
      await w.put("a", { held: ["lab"] });
      const one = await Session.open(w.url);
      try {
        await one.run('BEGIN; LOCK TABLE lab."~object" IN ACCESS EXCLUSIVE MODE');
        const report = await w.collect(main);
        expect(report.doubts.map(({ code }) => code)).toContain("DATABASE");
        expect(report.doubts[0]?.message).toMatch(/lock was not granted/);
        expect(report.isApplied).toBe(false);
        await one.run("COMMIT");
        expect(mainOf(await w.collect(main)).counts.release).toBe(1);
      } finally {
        await one.close();
      }
    }),
  60_000,
);
