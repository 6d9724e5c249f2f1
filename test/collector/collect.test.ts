import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { collectorPoints, parseFaultPoints } from "../../src/object/fault-points.ts";
import { codesOf, mainOf, Stage, type World } from "./stage.ts";

const stage = new Stage();
beforeAll(() => stage.open());
afterAll(() => stage.close());
const scene = (name: string, play: (world: World) => Promise<void>) => test(name, () => stage.play(play));

const alone = (name: string, play: (world: World) => Promise<void>) =>
  test(name, () => stage.playAlone(play));

describe("the life of an object", () => {
  scene("released and condemned at once, killed after its grace", async (w) => {
    await w.on("7 days");
    await w.put("used", { rows: ["lab.t"] });
    await w.put("held", { held: ["lab", "x"] });
    await w.put("shared", { held: ["lab"], rows: ["x.t"] });
    await w.put("young", { condemned: "6 days" });
    await w.put("old", { condemned: "8 days", size: 7 });
    await w.put("abandoned", { condemned: "-infinity" });
    await w.put("again", { rows: ["lab.u"], condemned: "8 days" });
    const { report, decisions } = await w.told();
    expect(report.doubts.filter(({ store }) => store !== "cold")).toEqual([]);
    expect(mainOf(report)).toMatchObject({
      mode: "on",
      isApplied: true,
      counts: { release: 3, condemn: 1, clear: 1, kill: 2, kept: 3, inGrace: 2 },
    });
    expect(decisions.map(({ step, locator }) => `${step} ${locator.split("/").at(-1)}`)).toEqual([
      "release held",
      "release shared",
      "release held",
      "condemn held",
      "clear again",
      "kill abandoned",
      "kill old",
      "keep young",
    ]);
    expect(decisions.find(({ locator }) => locator.endsWith("old"))).toMatchObject({
      sizeBytes: 7,
      store: "main",
    });
    expect(decisions.at(-1)?.reason).toMatch(/killed after \d{4}-/);
    expect(await w.keys()).toEqual(["again", "held", "shared", "used", "young"]);
    expect(await w.keys("holdfast.tombstone")).toEqual(["abandoned", "old"]);
    const audit = await w.rows<{ step: string; count: number }>(
      "SELECT step, count(*)::int AS count FROM holdfast.audit WHERE run = $1::bigint GROUP BY 1 ORDER BY 1",
      report.run,
    );
    expect(audit).toEqual([
      { step: "clear", count: 1 },
      { step: "condemn", count: 1 },
      { step: "kill", count: 2 },
      { step: "release", count: 3 },
    ]);
    await w.expectSound();
    expect(mainOf(await w.collect()).counts).toMatchObject({
      release: 0,
      condemn: 0,
      clear: 0,
      kill: 0,
      inGrace: 2,
    });
  });

  scene("without grace it dies in one run, in its own store only", async (w) => {
    await w.on("0");
    await w.put("a", { held: ["lab"] });
    await w.put("a", { held: ["lab"], store: "cold" });
    const { counts } = mainOf(await w.collect({ stores: ["main"] }));
    expect(counts).toMatchObject({ release: 1, condemn: 1, kill: 1, kept: 0, inGrace: 0 });
    expect(await w.keys()).toEqual(["a"]);
    expect(await w.count(`lab."~object"`)).toBe(1);
  });

  alone("a table that refers to objects itself keeps them", async (w) => {
    await w.on("0");
    const locator = await w.put("a", {});
    await w.db.query(`CREATE TABLE lab.direct (at text COLLATE "C" REFERENCES holdfast.object)`);
    await w.db.query("INSERT INTO lab.direct VALUES ($1)", [locator]);
    expect(mainOf(await w.collect({ apply: false })).counts).toMatchObject({ condemn: 0, kill: 0, kept: 1 });
    expect(mainOf(await w.collect()).counts).toMatchObject({ condemn: 0, kill: 0, kept: 1 });
  });
});

describe("modes and confirmation", () => {
  scene("a new store only reports, until a run is confirmed", async (w) => {
    await w.put("a", { condemned: "30 days", held: ["lab"] });
    await w.put("b", { condemned: "30 days" });
    const first = await w.collect({ stores: ["main"] });
    expect(codesOf(first)).toEqual(["MODE main", "UNCONFIRMED main"]);
    expect(first.isApplied).toBe(false);
    expect(mainOf(first)).toMatchObject({
      mode: "report",
      isApplied: false,
      counts: { release: 1, kill: 2, hide: 2 },
    });
    expect(await w.count("holdfast.object")).toBe(2);
    expect(await w.count("holdfast.audit")).toBe(0);
    const confirmed = await w.collect({ stores: ["main"], confirm: true });
    expect(confirmed.doubts).toEqual([]);
    expect(mainOf(confirmed)).toMatchObject({ mode: "on", isApplied: true, counts: { kill: 2 } });
    expect((await w.collect({ stores: ["main"] })).doubts).toEqual([]);
    const after = await w.rows<{ details: string }>(
      "SELECT details FROM holdfast.audit WHERE step = 'policy'",
    );
    expect(after.map(({ details }) => JSON.parse(details))).toEqual([
      {
        store: "main",
        before: { mode: "report", confirmed: null },
        after: { mode: "on", confirmed: "1.0.0" },
      },
    ]);
  });

  scene("a confirmation without apply changes nothing", async (w) => {
    const report = await w.collect({ stores: ["main"], apply: false, confirm: true });
    expect(codesOf(report)).toEqual(["MODE main", "UNCONFIRMED main"]);
    expect(await w.count("holdfast.store WHERE gc = 'on'")).toBe(0);
  });

  scene("another version only reports at first", async (w) => {
    await w.on("0");
    await w.put("a", {});
    const report = await w.collect({ stores: ["main"] }, { version: "1.1.0" });
    expect(codesOf(report)).toEqual(["UNCONFIRMED main"]);
    expect(report.doubts[0]?.message).toContain("version 1.0.0 is confirmed");
    expect(await w.count("holdfast.object WHERE condemned_at IS NULL")).toBe(1);
  });

  test.each(["off", "restore"])("mode %s is not confirmed away", (mode) =>
    stage.play(async (w) => {
      await w.on("0");
      await w.put("a", { condemned: "30 days" });
      await w.db.query("UPDATE holdfast.store SET gc = $1 WHERE name = 'main'", [mode]);
      const report = await w.collect({ stores: ["main"], confirm: true });
      expect(codesOf(report)).toEqual(["MODE main"]);
      expect(mainOf(report)).toMatchObject({ isApplied: false, counts: { kill: mode === "off" ? 0 : 1 } });
      expect(await w.count("holdfast.object")).toBe(1);
    }),
  );

  scene("a mode that is changed during the run stops it there", async (w) => {
    await w.on("0");
    await w.put("a", { held: ["lab"] });
    const off = () => w.db.query("UPDATE holdfast.store SET gc = 'restore'");
    const report = await w.collect(
      { stores: ["main"] },
      { faults: (point) => (point === "kill.after-candidates" ? off().then(() => undefined) : undefined) },
    );
    expect(codesOf(report)).toEqual(["MODE main"]);
    expect(mainOf(report)).toMatchObject({ isApplied: false, counts: { release: 1, condemn: 1, kill: 0 } });
    expect(await w.count("holdfast.object")).toBe(1);
  });

  scene("a doubt of one store stops that one, whatever it is confirmed with", async (w) => {
    for (const store of ["main", "cold"]) {
      await w.on("0", store);
      await w.put("a", { store });
    }
    const doubt = {
      code: "CANARY" as const,
      store: "cold",
      subject: "cold:x",
      message: "gone",
      remedy: "look",
    };
    const storeDoubts = async (_: unknown, { config }: { config: { name: string } }) =>
      config.name === "cold" ? [doubt] : [];
    const report = await w.collect({ confirm: true }, { parts: { storeDoubts }, version: "2.0.0" });
    expect(codesOf(report)).toEqual(["CANARY cold", "UNCONFIRMED cold"]);
    expect(report.stores.map(({ store, isApplied, counts }) => [store, isApplied, counts.kill])).toEqual([
      ["cold", false, 1],
      ["main", true, 1],
    ]);
    const rows = await w.rows("SELECT name, confirmed_version AS version FROM holdfast.store ORDER BY 1");
    expect(rows).toEqual([
      { name: "cold", version: "1.0.0" },
      { name: "main", version: "2.0.0" },
    ]);
  });
});

describe("the breaker", () => {
  const many = (w: World, count: number, condemned = "now() - interval '30 days'") =>
    w.db.query(
      `INSERT INTO holdfast.object (locator, condemned_at) SELECT 'main:_hash/lab/' || n, ${condemned} FROM generate_series(1, ${count}) n`,
    );

  scene("a thousand may go; more only after they were confirmed", async (w) => {
    await w.on("7 days");
    await many(w, 1001);
    const report = await w.collect({ stores: ["main"] });
    expect(codesOf(report)).toEqual(["TOO_MANY main"]);
    expect(report.doubts[0]?.message).toMatch(/^1001 objects .* 1000 is the most/);
    expect(mainOf(report)).toMatchObject({ isApplied: false, counts: { kill: 1001 } });
    expect(await w.count("holdfast.object")).toBe(1001);
    expect(codesOf(await w.collect({ stores: ["main"], apply: false }))).toEqual(["TOO_MANY main"]);
    expect(mainOf(await w.collect({ stores: ["main"], confirm: true })).counts.kill).toBe(1001);
    await many(w, 1000);
    expect(mainOf(await w.collect({ stores: ["main"] })).counts.kill).toBe(1000);
    await w.expectSound();
  });

  scene("counts what the run would condemn itself, where there is no grace", async (w) => {
    await w.on("0");
    await many(w, 1001, "NULL");
    expect(codesOf(await w.collect({ stores: ["main"] }))).toEqual(["TOO_MANY main"]);
    expect(await w.count("holdfast.object WHERE condemned_at IS NULL")).toBe(1001);
  });

  scene("holds back what comes while the run is under way", async (w) => {
    await w.on("7 days");
    await many(w, 900);
    let isLate = false;
    const faults = async (point: string) => {
      if (point !== "kill.after-candidates" || isLate) return;
      isLate = true;
      await w.db.query(
        "INSERT INTO holdfast.object (locator, condemned_at) SELECT 'main:_hash/lab/z' || n, '-infinity' FROM generate_series(1, 500) n",
      );
    };
    const report = await w.collect({ stores: ["main"] }, { faults });
    expect(codesOf(report)).toEqual(["TOO_MANY main"]);
    expect(mainOf(report)).toMatchObject({ isApplied: false, counts: { kill: 1000 } });
    expect(await w.count("holdfast.object")).toBe(400);
  });
});

describe("a run", () => {
  scene(
    "passes every point of its steps, and a fault at any of them is told and mended by the next",
    async (w) => {
      const points = collectorPoints.filter((point) => /^(release|condemn|kill)\./.test(point));
      expect(points).toHaveLength(8);
      for (const [index, point] of points.entries()) {
        await w.on("0");
        await w.put(`k${index}`, { held: ["lab"] });
        const report = await w.collect({ stores: ["main"] }, { faults: parseFaultPoints(`${point}:error`) });
        expect(codesOf(report), point).toEqual(["STORE main"]);
        expect(mainOf(report).counts.kill, point).toBe(0);
        await w.expectSound();
      }
      const last = mainOf(await w.collect({ stores: ["main"] })).counts;
      expect(last.kill).toBe(points.length);
      expect(await w.count("holdfast.object")).toBe(0);
      await w.expectSound();
    },
  );

  scene("is written down, and ends between two batches when it is stopped", async (w) => {
    await w.on("0");
    for (const key of ["a", "b"]) await w.put(key, { held: ["lab"] });
    const stop = new AbortController();
    const faults = (point: string) => (point === "condemn.before-commit" ? stop.abort() : undefined);
    const report = await w.collect({ stores: ["main"], signal: stop.signal }, { faults });
    expect(report.doubts).toEqual([]);
    expect(mainOf(report).counts).toMatchObject({ release: 2, condemn: 2, kill: 0 });
    const [row] = await w.rows<{ report: string }>(
      "SELECT kind, state, applied, by, version, ended_at IS NOT NULL AS ended, report FROM holdfast.collector_run",
    );
    expect(row).toMatchObject({
      kind: "COLLECT",
      state: "DONE",
      applied: true,
      by: "test",
      version: "1.0.0",
      ended: true,
    });
    expect(JSON.parse(row?.report ?? "")).toEqual(JSON.parse(JSON.stringify(report)));
  });

  scene("whose process died is marked as failed, one that is alive is not", async (w) => {
    await w.db.query(
      `INSERT INTO holdfast.collector_run (kind, applied, by, version, started_at, ended_at) VALUES
         ('COLLECT', true, 'dead', '1', now() - interval '3 days', now() - interval '2 days'),
         ('COLLECT', true, 'never seen', '1', now() - interval '3 days', NULL),
         ('COLLECT', true, 'alive', '1', now() - interval '3 days', now() - interval '1 hour')`,
    );
    await w.collect();
    const rows = await w.rows<{ by: string; state: string }>(
      "SELECT by, state FROM holdfast.collector_run ORDER BY id",
    );
    expect(rows.map(({ by, state }) => `${by} ${state}`)).toEqual([
      "dead FAILED",
      "never seen FAILED",
      "alive RUNNING",
      "test DONE",
    ]);
  });

  scene("of an unknown store is refused by name, and leaves nothing", async (w) => {
    await expect(w.collect({ stores: ["main", "nowhere"] })).rejects.toMatchObject({ code: "STORE_UNKNOWN" });
    expect(await w.count("holdfast.collector_run")).toBe(0);
  });

  scene("whose listener fails is failed, and tells the listener's error", async (w) => {
    await w.on("0");
    await w.put("a", {});
    const onDecision = () => {
      throw new Error("the listener is gone");
    };
    await expect(w.collect({ onDecision })).rejects.toThrow("the listener is gone");
    expect(await w.rows("SELECT state FROM holdfast.collector_run")).toEqual([{ state: "FAILED" }]);
  });
});
