/** Forced orders on a real server: the collector stands at a fault point while somebody else works. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Outcome, Session, type Waiting } from "../race/session.ts";
import { at, codesOf, mainOf, Stage, type World } from "./stage.ts";

const stage = new Stage();
beforeAll(() => stage.open());
afterAll(() => stage.close());

/** Sessions of writers: `w.db` is the collector's. */
class Writers {
  readonly monitor: Session;
  readonly one: Session;
  waiting: Waiting | undefined;

  constructor(monitor: Session, one: Session) {
    this.monitor = monitor;
    this.one = one;
  }

  /** Starts what must wait for the collector. */
  async starts(sql: string, ...values: unknown[]): Promise<void> {
    this.waiting = await this.one.blocked(this.monitor, sql, ...values);
  }

  async ends(): Promise<Outcome> {
    if (this.waiting === undefined) throw new Error("nothing was started");
    return await this.waiting.join();
  }
}

type Scene = (w: World, writers: Writers) => Promise<void>;

function scene(name: string, play: Scene, how: "play" | "playAlone" = "play"): void {
  test(name, () =>
    stage[how](async (w) => {
      const [monitor, one] = await Promise.all([Session.open(w.url), Session.open(w.url)]);
      try {
        await play(w, new Writers(monitor, one));
      } finally {
        await Promise.all([monitor.close(), one.close()]);
      }
    }),
  );
}

const main = { stores: ["main"] };
const released = async (w: World) => w.count(`lab."~object"`);

describe("release against a writer", () => {
  const held: (w: World) => Promise<void> = async (w) => {
    await w.on("7 days");
    await w.put("a", { held: ["lab"] });
  };

  scene("who commits between candidates and lock: the hold stays", async (w, { one }) => {
    await held(w);
    const point = at("release.after-candidates", () => one.run(w.refer("a")));
    expect(mainOf(await w.collect(main, { faults: point })).counts).toMatchObject({ release: 0, condemn: 0 });
    expect(point.reached()).toBe(true);
    expect(await released(w)).toBe(1);
    await w.expectSound();
  });

  scene("who has not committed yet: it is skipped, nobody waits", async (w, { one }) => {
    await held(w);
    await one.run("BEGIN");
    const point = at("release.after-candidates", () => one.run(w.refer("a")));
    expect(mainOf(await w.collect(main, { faults: point })).counts).toMatchObject({ release: 0, condemn: 0 });
    await one.run("COMMIT");
    expect(await w.count("lab.t")).toBe(1);
    await w.expectSound();
  });

  scene("whose uncommitted row was there before the candidates", async (w, { one }) => {
    await held(w);
    await one.run("BEGIN");
    await one.run(w.refer("a"));
    expect(mainOf(await w.collect(main)).counts).toMatchObject({ release: 0 });
    await one.run("ROLLBACK");
    expect(mainOf(await w.collect(main)).counts).toMatchObject({ release: 1, condemn: 1 });
  });

  for (const point of ["release.after-lock", "release.before-commit"]) {
    scene(`who comes at ${point}: waits, and takes a new hold`, async (w, writers) => {
      await held(w);
      const faults = at(point, () => writers.starts(w.refer("a")));
      expect(mainOf(await w.collect(main, { faults })).counts).toMatchObject({ release: 1 });
      expect(await writers.ends()).toMatchObject({ ok: true, count: 1 });
      expect(await released(w)).toBe(1);
      await w.expectSound();
    });
  }

  scene("of another schema: its hold is its own", async (w, { one }) => {
    await w.on("0");
    await w.put("a", { held: ["lab", "x"] });
    const point = at("release.after-lock", () => one.run(w.refer("a", "x.t")));
    expect(mainOf(await w.collect(main, { faults: point })).counts).toMatchObject({
      release: 1,
      condemn: 0,
      kill: 0,
    });
    expect(await w.keys()).toEqual(["a"]);
    await w.expectSound();
  });
});

describe("condemn against a writer", () => {
  const unheld = async (w: World, grace: string) => {
    await w.on(grace);
    await w.put("a", {});
  };

  scene("who comes between candidates and lock: not condemned", async (w, { one }) => {
    await unheld(w, "0");
    const point = at("condemn.after-candidates", () => one.run(w.refer("a")));
    expect(mainOf(await w.collect(main, { faults: point })).counts).toMatchObject({
      condemn: 0,
      kill: 0,
      kept: 1,
    });
  });

  scene("who comes before the commit: the mark is gone again, and nothing killed", async (w, writers) => {
    await unheld(w, "0");
    const faults = async (point: string) => {
      if (point === "condemn.before-commit") await writers.starts(w.refer("a"));
      if (point === "kill.after-candidates") await writers.ends();
    };
    const { counts } = mainOf(await w.collect(main, { faults }));
    expect(counts).toMatchObject({ condemn: 1, kill: 0 });
    expect(await writers.ends()).toMatchObject({ ok: true });
    expect(await w.count("holdfast.object WHERE condemned_at IS NULL")).toBe(1);
    await w.expectSound();
  });

  scene("who stands in the way: it is left, nobody waits", async (w, { one }) => {
    await unheld(w, "7 days");
    await one.run("BEGIN");
    await one.run("UPDATE holdfast.object SET size = 11");
    expect(mainOf(await w.collect(main)).counts).toMatchObject({ condemn: 0 });
    await one.run("COMMIT");
    expect(mainOf(await w.collect(main)).counts).toMatchObject({ condemn: 1 });
  });
});

describe("kill against a writer", () => {
  const condemned = async (w: World) => {
    await w.on("7 days");
    await w.put("a", { condemned: "30 days" });
  };
  const hold = "SELECT holdfast.hold_existing('lab', 'main:_hash/lab/a') AS held";

  scene("who commits between candidates and lock: alive", async (w, { one }) => {
    await condemned(w);
    const point = at("kill.after-candidates", () => one.run(w.refer("a")));
    expect(mainOf(await w.collect(main, { faults: point })).counts).toMatchObject({ kill: 0, kept: 1 });
    expect(point.reached()).toBe(true);
    await w.expectSound();
  });

  scene("who has not committed yet: skipped, alive", async (w, { one }) => {
    await condemned(w);
    await one.run("BEGIN");
    const point = at("kill.after-candidates", () => one.run(w.refer("a")));
    expect(mainOf(await w.collect(main, { faults: point })).counts).toMatchObject({ kill: 0 });
    await one.run("COMMIT");
    await w.expectSound();
    expect(await w.count("lab.t")).toBe(1);
  });

  for (const point of ["kill.after-lock", "kill.before-commit"]) {
    scene(
      `foreign, who comes at ${point}: waits, registers it anew, and the tombstone is cancelled`,
      async (w, writers) => {
        await condemned(w);
        const faults = at(point, () => writers.starts(w.refer("a")));
        expect(mainOf(await w.collect(main, { faults })).counts).toMatchObject({ kill: 1 });
        expect(await writers.ends()).toMatchObject({ ok: true, count: 1 });
        expect(await w.keys()).toEqual(["a"]);
        expect(await w.count("holdfast.tombstone")).toBe(0);
        await w.expectSound();
      },
    );

    scene(`of the service, who comes at ${point}: waits, and is told that it is gone`, async (w, writers) => {
      await condemned(w);
      const faults = at(point, () => writers.starts(hold));
      expect(mainOf(await w.collect(main, { faults })).counts).toMatchObject({ kill: 1 });
      expect(await writers.ends()).toMatchObject({ ok: true, rows: [{ held: false }] });
      expect(await w.keys("holdfast.tombstone")).toEqual(["a"]);
    });
  }

  scene(
    "whose upload publishes the same content: before the lock it gets the old object",
    async (w, { one }) => {
      await condemned(w);
      await w.db.query("UPDATE holdfast.object SET dedup = 'same'");
      const upload = await one.value<string>("SELECT holdfast.reserve('main:_hash/lab/b', '1 h')");
      const published: unknown[] = [];
      const point = at("kill.after-candidates", async () => {
        published.push(
          await one.value("SELECT holdfast.publish('lab', $1, 'same', false, 10, NULL, NULL)", upload),
        );
      });
      expect(mainOf(await w.collect(main, { faults: point })).counts.kill).toBe(0);
      expect(published).toEqual(["main:_hash/lab/a"]);
    },
  );

  scene("whose upload publishes the same content: after the lock it gets its own", async (w, writers) => {
    await condemned(w);
    await w.db.query("UPDATE holdfast.object SET dedup = 'same'");
    const upload = await writers.one.value<string>("SELECT holdfast.reserve('main:_hash/lab/b', '1 h')");
    const publish = "SELECT holdfast.publish('lab', $1, 'same', false, 10, NULL, NULL) AS at";
    const faults = at("kill.after-lock", () => writers.starts(publish, upload));
    expect(mainOf(await w.collect(main, { faults })).counts.kill).toBe(1);
    expect(await writers.ends()).toMatchObject({ ok: true, rows: [{ at: "main:_hash/lab/b" }] });
    expect(await w.keys()).toEqual(["b"]);
    await w.expectSound();
  });

  scene("who gives it more grace meanwhile: the grace as it is counts", async (w, { one }) => {
    await condemned(w);
    const point = at("kill.after-candidates", () => one.run("UPDATE holdfast.store SET grace = '60 days'"));
    expect(mainOf(await w.collect(main, { faults: point })).counts).toMatchObject({ kill: 0, inGrace: 1 });
  });
});

describe("the guard, broken while the run is under way", () => {
  const drop = "ALTER TABLE lab.t DROP CONSTRAINT _d_ref_fk";

  for (const [step, state] of [
    ["release", { held: ["lab"] }],
    ["kill", { condemned: "30 days" }],
  ] as const) {
    scene(
      `a foreign key dropped before the lock of ${step} stops it by name`,
      async (w, { one }) => {
        await w.on("7 days");
        await w.put("a", state);
        const report = await w.collect(main, { faults: at(`${step}.after-candidates`, () => one.run(drop)) });
        expect(report.doubts.map(({ code, subject }) => `${code} ${subject}`)).toEqual(["GUARD lab.t.d"]);
        expect(mainOf(report)).toMatchObject({ isApplied: false, counts: { release: 0, kill: 0 } });
        expect(await w.count("holdfast.object")).toBe(1);
      },
      "playAlone",
    );
  }

  scene(
    "after the lock of release nobody can drop it",
    async (w, writers) => {
      await w.on("7 days");
      await w.put("a", { held: ["lab"] });
      const faults = at("release.after-lock", () => writers.starts(drop));
      expect(mainOf(await w.collect(main, { faults })).counts).toMatchObject({ release: 1 });
      expect(await writers.ends()).toMatchObject({ ok: true });
    },
    "playAlone",
  );

  scene(
    "after the lock of kill nobody can drop that of a hold",
    async (w, writers) => {
      await w.on("7 days");
      await w.put("a", { condemned: "30 days" });
      const faults = at("kill.after-lock", () =>
        writers.starts(`ALTER TABLE lab."~object" DROP CONSTRAINT "~object_locator_fkey"`),
      );
      expect(mainOf(await w.collect(main, { faults })).counts).toMatchObject({ kill: 1 });
      expect(await writers.ends()).toMatchObject({ ok: true });
    },
    "playAlone",
  );

  scene(
    "a table adopted between candidates and lock is asked too",
    async (w, { one }) => {
      await w.on("7 days");
      await w.put("a", { held: ["lab"] });
      await w.db.query("CREATE TABLE lab.late (id int PRIMARY KEY, d jsonb)");
      const point = at("release.after-candidates", async () => {
        await one.run("SELECT holdfast.adopt_column('lab.late', 'd', 'main')");
        await one.run(w.refer("a", "lab.late"));
      });
      const report = await w.collect(main, { faults: point });
      expect(codesOf(report)).toEqual([]);
      expect(mainOf(report).counts).toMatchObject({ release: 0, condemn: 0 });
    },
    "playAlone",
  );
});

describe("several collectors", () => {
  for (const step of ["release", "condemn", "kill"]) {
    scene(`one stands in ${step}, another goes past it without waiting`, async (w) => {
      await w.on("7 days");
      await w.put(
        "a",
        step === "release" ? { held: ["lab"] } : step === "kill" ? { condemned: "30 days" } : {},
      );
      const others: number[] = [];
      const point = at(`${step}.before-commit`, async () => {
        const { counts } = mainOf(await w.collect(main));
        others.push(counts.release + counts.condemn + counts.kill);
      });
      const { counts } = mainOf(await w.collect(main, { faults: point }));
      expect(others).toEqual([0]);
      expect(counts.release + counts.condemn + counts.kill).toBe(step === "release" ? 2 : 1);
      await w.expectSound();
    });
  }

  scene("four at once do everything once", async (w) => {
    await w.on("0");
    await w.db.query(
      `INSERT INTO holdfast.object (locator) SELECT 'main:_hash/lab/' || n FROM generate_series(1, 800) n;
       INSERT INTO lab."~object" (locator) SELECT locator FROM holdfast.object`,
    );
    const reports = await Promise.all([1, 2, 3, 4].map(() => w.collect(main)));
    const sum = (step: "release" | "condemn" | "kill") =>
      reports.reduce((total, report) => total + mainOf(report).counts[step], 0);
    expect(reports.flatMap(codesOf)).toEqual([]);
    await w.collect(main);
    expect(await w.count("holdfast.object")).toBe(0);
    expect(await w.count("holdfast.tombstone")).toBe(800);
    expect(await w.count("holdfast.audit WHERE step = 'kill'")).toBe(800);
    expect(sum("kill")).toBeLessThanOrEqual(800);
    expect(sum("release")).toBeLessThanOrEqual(800);
    await w.expectSound();
  });
});
