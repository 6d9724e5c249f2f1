/** The code without one of its precautions: what must stay safe through the foreign keys, and what must be caught. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Session } from "../race/session.ts";
import { at, codesOf, mainOf, type Rewrite, Stage, type World } from "./stage.ts";

const stage = new Stage();
beforeAll(() => stage.open());
afterAll(() => stage.close());
const main = { stores: ["main"] };

/** The statements that are changed; fails at the end when there were none. */
function mutant(from: RegExp, to: string): Rewrite & { readonly expectUsed: () => void } {
  let isUsed = false;
  const rewrite = (sql: string): string => {
    const changed = sql.replace(from, to);
    if (changed !== sql) isUsed = true;
    return changed;
  };
  return Object.assign(rewrite, { expectUsed: () => expect(isUsed, `${from} changed nothing`).toBe(true) });
}

async function withSession(w: World, play: (one: Session, monitor: Session) => Promise<void>): Promise<void> {
  const [one, monitor] = await Promise.all([Session.open(w.url), Session.open(w.url)]);
  try {
    await play(one, monitor);
  } finally {
    await Promise.all([one.close(), monitor.close()]);
  }
}

const states = [
  ["release", { held: ["lab"] }],
  ["kill", { condemned: "30 days" }],
] as const;

describe("stays safe through the foreign keys", () => {
  test.each(states)("%s without the second look", (step, state) =>
    stage.play(async (w) => {
      await w.on("7 days");
      await w.put("a", state);
      const rewrite = mutant(
        /(DELETE FROM \S+ o WHERE locator = ANY \(\$1::text\[\]\)) AND .*?(\s+RETURNING)/s,
        "$1$2",
      );
      // By hand: the service and the trigger would take the mark away too.
      const held = `INSERT INTO lab."~object" (locator) SELECT locator FROM holdfast.object ON CONFLICT DO NOTHING`;
      const faults = at(`${step}.after-candidates`, async () => {
        await w.db.query(held);
        await w.db.query(w.refer("a"));
      });
      const report = await w.collect(main, { rewrite, faults });
      rewrite.expectUsed();
      expect(report.doubts).toMatchObject([{ code: "DATABASE", store: "main" }]);
      expect(report.doubts[0]?.message).toMatch(/still refers/);
      expect(await w.count("lab.t")).toBe(1);
      await w.expectSound();
    }),
  );

  test.each(states)("%s without SKIP LOCKED, which waits", (step, state) =>
    stage.play(async (w) => {
      await w.on("7 days");
      await w.put("a", state);
      await withSession(w, async (one, monitor) => {
        const rewrite = mutant(/ SKIP LOCKED/, "");
        await one.run("BEGIN");
        const faults = at(`${step}.after-candidates`, async () => {
          await one.run(w.refer("a"));
          void commitWhenWaitedFor(one, monitor);
        });
        const report = await w.collect(main, { rewrite, faults });
        rewrite.expectUsed();
        expect(codesOf(report)).toEqual([]);
        expect(mainOf(report).counts).toMatchObject({ release: 0, kill: 0 });
        expect(await w.count("lab.t")).toBe(1);
        await w.expectSound();
      });
    }),
  );

  test("candidates that are taken blindly", () =>
    stage.play(async (w) => {
      await w.on("0");
      await w.put("a", { rows: ["lab.t"] });
      const rewrite = mutant(
        /ARRAY\(SELECT locator FROM page o WHERE .* ORDER BY locator\) AS free/s,
        "ARRAY(SELECT locator FROM page o) AS free",
      );
      const report = await w.collect(main, { rewrite });
      rewrite.expectUsed();
      expect(mainOf(report).counts).toMatchObject({ release: 0, kill: 0 });
      await w.expectSound();
    }));
});

async function commitWhenWaitedFor(one: Session, monitor: Session): Promise<void> {
  for (let waits = 0; waits === 0; )
    waits =
      (await monitor.value<number>(
        "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      )) ?? 0;
  await one.run("COMMIT");
}

describe("is caught", () => {
  const drop = "ALTER TABLE lab.t DROP CONSTRAINT _d_ref_fk";

  test("the guard removed, and a foreign key dropped: the next reference is left without its hold", () =>
    stage.playAlone(async (w) => {
      await w.on("7 days");
      await w.put("a", { held: ["lab"] });
      await w.db.query(drop);
      await w.db.query(w.refer("a"));
      expect(codesOf(await w.collect(main))).toEqual(["GUARD"]);
      await w.expectSound();
      const rewrite = mutant(/FROM holdfast\.guard/, "FROM holdfast.guard WHERE false");
      await w.collect(main, { rewrite });
      rewrite.expectUsed();
      await expect(w.expectSound()).rejects.toThrow(/dangling rows of lab\.t/);
    }));

  test("the guard asked at the start only, and a foreign key dropped later", () =>
    stage.playAlone(async (w) => {
      await w.on("7 days");
      await w.put("a", { held: ["lab"] });
      let asked = 0;
      const rewrite = (sql: string) =>
        sql.includes("FROM holdfast.guard") && ++asked > 1
          ? sql.replace("FROM holdfast.guard", "FROM holdfast.guard WHERE false")
          : sql;
      const faults = at("release.after-candidates", async () => {
        await w.db.query(drop);
        await w.db.query(w.refer("a"));
      });
      const report = await w.collect(main, { rewrite, faults });
      expect(asked).toBeGreaterThan(1);
      expect(report.doubts).toEqual([]);
      await expect(w.expectSound()).rejects.toThrow(/dangling rows of lab\.t/);
    }));

  test("the trigger of insertions moved before them: an object beside its tombstone", () =>
    stage.playAlone(async (w) => {
      await w.on("7 days");
      await w.put("a", { condemned: "30 days" });
      const [text] = await w.rows<{ body: string }>(
        "SELECT pg_get_functiondef('holdfast.object_inserted()'::regprocedure) AS body",
      );
      await w.db.query(`${(text?.body ?? "").replace("RETURN NULL", "RETURN NEW")};
        DROP TRIGGER object_inserted ON holdfast.object;
        CREATE TRIGGER object_inserted BEFORE INSERT ON holdfast.object FOR EACH ROW EXECUTE FUNCTION holdfast.object_inserted()`);
      await withSession(w, async (one, monitor) => {
        const waiting: Promise<unknown>[] = [];
        const faults = at("kill.before-commit", async () => {
          waiting.push((await one.blocked(monitor, w.refer("a"))).join());
        });
        await w.collect(main, { faults });
        await Promise.all(waiting);
      });
      await expect(w.expectSound()).rejects.toThrow();
    }));
});
