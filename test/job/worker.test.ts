/** Tasks on schedules, on a real server: one at a time among all processes, tried again, quiet, and gone when the service closes. */

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { jobSettingsFrom, type Schedules } from "../../src/job/schedule.ts";
import { type JobParts, type Jobs, startJobs, type Task } from "../../src/job/worker.ts";
import { freshDatabase } from "../support/database.ts";

let db: PostgresDatabase;
const opened: Jobs[] = [];
const lines: { level: string; message: string; facts: object }[] = [];

beforeAll(async () => {
  db = await connect(await freshDatabase());
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((jobs) => jobs.close()));
  await db.query("DROP SCHEMA IF EXISTS graphile_worker CASCADE");
  lines.length = 0;
});
afterAll(() => db.close());

const note = (level: string) => (facts: object, message: string) =>
  void lines.push({ level, message, facts });
const log = { debug: note("debug"), info: note("info"), warn: note("warn") };
const { schedules } = jobSettingsFrom({});

/** One process of the fleet. */
function start(tasks: JobParts["tasks"], more: Partial<JobParts> = {}): Jobs {
  const jobs = startJobs({ db, prepared: true, tasks, schedules, log, afterMs: 0, pollMs: 200, ...more });
  opened.push(jobs);
  return jobs;
}

async function jobsThere(): Promise<Record<string, unknown>[]> {
  const known = "SELECT to_regclass('graphile_worker._private_known_crontabs') IS NOT NULL AS there";
  if ((await db.query<{ there: boolean }>(known)).rows[0]?.there !== true) return [];
  const { rows } = await db.query(
    "SELECT identifier FROM graphile_worker._private_known_crontabs ORDER BY 1",
  );
  return rows;
}

/** Resolves when `count` schedules are known. */
async function started(count: number): Promise<void> {
  await vi.waitFor(async () => expect(await jobsThere()).toHaveLength(count), { timeout: 20_000 });
}

async function due(task: string): Promise<void> {
  await db.query("SELECT graphile_worker.add_job($1, job_key => $1)", [task]);
}

async function waiting(): Promise<Record<string, unknown>[]> {
  const text = "SELECT task_identifier AS task, attempts, last_error FROM graphile_worker.jobs ORDER BY id";
  return (await db.query(text)).rows;
}

function counter(): { task: Task; count: () => number } {
  let count = 0;
  return { task: async () => void count++, count: () => count };
}

async function until(is: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(is()).toBe(true), { timeout: 20_000 });
}

describe("startJobs", () => {
  it("runs what is due, and knows the schedules of its tasks only", async () => {
    const expire = counter();
    start({ expire: expire.task, collect: async () => undefined });
    await started(2);
    expect((await jobsThere()).map(({ identifier }) => identifier)).toEqual([
      "holdfast_collect",
      "holdfast_expire",
    ]);
    await due("holdfast_expire");
    await until(() => expire.count() === 1);
    await vi.waitFor(async () => expect(await waiting()).toEqual([]));
    expect(lines.filter(({ level }) => level !== "debug")).toEqual([]);
  });

  it("asks nothing of the database where nothing is scheduled, or before its time", async () => {
    const off: Schedules = jobSettingsFrom({ HOLDFAST_EXPIRE: "off" }).schedules;
    const one = start({ expire: counter().task }, { schedules: off });
    const other = start({ collect: counter().task }, { afterMs: 60_000 });
    await sleep(300);
    await Promise.all([one.close(), other.close()]);
    expect(await jobsThere()).toEqual([]);
    expect(lines).toEqual([]);
  });

  it("makes up for a run that was due while no service ran, once", async () => {
    const first = start({ expire: counter().task });
    await started(1);
    await first.close();
    await db.query(
      "UPDATE graphile_worker._private_known_crontabs SET last_execution = now() - interval '3 days'",
    );
    const runs = counter();
    start({ expire: runs.task });
    start({ expire: runs.task });
    await until(() => runs.count() > 0);
    await vi.waitFor(async () => expect(await waiting()).toEqual([]));
    expect(runs.count()).toBe(1);
  });

  it("runs one of a kind at a time among all processes", async () => {
    const gate = Promise.withResolvers<void>();
    let now = 0;
    let most = 0;
    const slow: Task = async () => {
      most = Math.max(most, ++now);
      await gate.promise;
      now--;
    };
    const other = counter();
    for (let i = 0; i < 3; i++) start({ expire: slow, collect: other.task });
    await started(2);
    await due("holdfast_expire");
    await until(() => now === 1);
    // The same kind again, while it runs: seen by somebody else, and left to the one that runs. Another kind is not in its way.
    await due("holdfast_expire");
    await due("holdfast_collect");
    await until(
      () => other.count() === 1 && lines.some(({ message }) => message.includes("another process")),
    );
    expect(most).toBe(1);
    gate.resolve();
    await vi.waitFor(async () => expect(await waiting()).toEqual([]));
  });

  it("tries again what fails, later and later, and tells it", async () => {
    let attempts = 0;
    start({
      expire: async () => {
        if (++attempts === 1) throw new Error("The store is on fire.");
      },
    });
    await started(1);
    await due("holdfast_expire");
    await until(() => lines.some(({ level }) => level === "warn"));
    expect(lines.filter(({ level }) => level !== "debug")).toMatchObject([
      { message: "a scheduled run failed; it is tried again", facts: { task: "expire", attempt: 1 } },
    ]);
    await vi.waitFor(async () =>
      expect(await waiting()).toMatchObject([
        { task: "holdfast_expire", attempts: 1, last_error: "The store is on fire." },
      ]),
    );
    const wait = "SELECT run_at > now() + interval '1 s' AS later FROM graphile_worker.jobs";
    expect((await db.query(wait)).rows).toEqual([{ later: true }]);
    await db.query("UPDATE graphile_worker._private_jobs SET run_at = now()");
    await db.query('NOTIFY "jobs:insert", \'{"count": 1}\'');
    await until(() => attempts === 2);
    await vi.waitFor(async () => expect(await waiting()).toEqual([]));
  });

  it("stops its tasks when it closes, keeps silent about it, and leaves them to the others", async () => {
    const begun = Promise.withResolvers<void>();
    const untilStopped: Task = (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        begun.resolve();
      });
    const first = start({ expire: untilStopped });
    await started(1);
    await due("holdfast_expire");
    await begun.promise;
    await first.close();
    expect(lines.filter(({ level }) => level !== "debug")).toEqual([]);
    expect(await waiting()).toMatchObject([{ task: "holdfast_expire", attempts: 1 }]);
    const runs = counter();
    await db.query("UPDATE graphile_worker._private_jobs SET run_at = now()");
    start({ expire: runs.task });
    await until(() => runs.count() === 1);
  });

  it("frees a kind whose process died in the middle", async () => {
    const never = new Promise<void>(() => undefined);
    const begun = Promise.withResolvers<void>();
    let isDead = false;
    const other = await connect(db.config.connectionString ?? "");
    const dying = startJobs({
      db: other,
      prepared: true,
      tasks: {
        // Only once: it does not die in truth, and must not take what the other is to do.
        expire: () => {
          begun.resolve();
          return isDead ? Promise.reject(new Error("dead")) : never;
        },
      },
      schedules,
      log,
      afterMs: 0,
    });
    await started(1);
    await due("holdfast_expire");
    await begun.promise;
    isDead = true;
    // What the death of a process is to PostgreSQL: its connections end.
    await db.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'",
    );
    const runs = counter();
    start({ expire: runs.task });
    await due("holdfast_expire");
    await until(() => runs.count() === 1);
    void dying;
  });

  it("survives lost connections with one line at most, and goes on", async () => {
    const runs = counter();
    start({ expire: runs.task });
    await started(1);
    for (let i = 0; i < 3; i++) {
      await db.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
      );
      await sleep(100);
    }
    await vi.waitFor(
      async () => {
        await due("holdfast_expire");
        await until(() => runs.count() > 0);
      },
      { timeout: 20_000 },
    );
    expect(lines.filter(({ level }) => level !== "debug").length).toBeLessThanOrEqual(1);
  });

  it("works without prepared statements", async () => {
    const runs = counter();
    start({ expire: runs.task }, { prepared: false });
    await started(1);
    await due("holdfast_expire");
    await until(() => runs.count() === 1);
  });
});
