/** What the tasks of the collector tell the log of its reports. */

import { describe, expect, it } from "vitest";
import type { CollectReport, Doubt, FsckReport, StepCounts } from "../../src/collector/contract.ts";
import { collectTask, fsckTask } from "../../src/job/tasks.ts";

const none: StepCounts = {
  release: 0,
  condemn: 0,
  clear: 0,
  kill: 0,
  hide: 0,
  purge: 0,
  reap: 0,
  hiddenBytes: 0,
  purgedBytes: 0,
  kept: 3,
  inGrace: 1,
};
const times = { run: "1", startedAt: new Date(0), endedAt: new Date(1) };
const doubt: Doubt = {
  code: "CANARY",
  store: "main",
  subject: "_obj/canary",
  message: "It is gone.",
  remedy: "Look.",
};

function collected(counts: Partial<StepCounts>, doubts: readonly Doubt[] = []): CollectReport {
  const store = { store: "main", mode: "on", isApplied: true, counts: { ...none, ...counts } } as const;
  return { ...times, isApplied: true, doubts, stores: [store] };
}

function checked(missing: number, lost = 0): FsckReport {
  const found = {
    UNKNOWN_BYTES: 0,
    MISSING: missing,
    SIZE: 0,
    DIGEST: 0,
    UNVERIFIED: 0,
    DANGLING_ROW: 0,
    OPEN_MULTIPART: 0,
  };
  const store = { store: "main", objects: 9, scrubbedBytes: 0, found, mended: 0, lost };
  return { ...times, doubts: [], stores: [store] };
}

function listener() {
  const levels: string[] = [];
  const note = (level: string) => () => void levels.push(level);
  return { log: { debug: note("debug"), info: note("info"), warn: note("warn") }, levels };
}

const signal = new AbortController().signal;

describe("collectTask", () => {
  it("asks to apply in the name of the schedule, and tells what was done", async () => {
    const { log, levels } = listener();
    const reports = [collected({}), collected({ condemn: 1 }), collected({ purge: 2 })];
    const asked: unknown[] = [];
    const task = collectTask(
      {
        collect: async (request) => {
          asked.push(request);
          return reports.shift() ?? collected({});
        },
      },
      log,
    );
    for (let i = 0; i < 3; i++) await task(signal);
    expect(levels).toEqual(["debug", "info", "info"]);
    expect(asked[0]).toEqual({ apply: true, by: "schedule", signal });
  });

  it("tells a doubt once, and again when it has been away", async () => {
    const { log, levels } = listener();
    const reports = [[doubt], [doubt], [], [doubt]].map((doubts) => collected({}, doubts));
    const task = collectTask({ collect: async () => reports.shift() ?? collected({}) }, log);
    for (let i = 0; i < 4; i++) await task(signal);
    expect(levels).toEqual(["warn", "debug", "debug", "debug", "warn", "debug"]);
  });
});

describe("fsckTask", () => {
  it("warns of everything that is not as it should be, and of nothing else", async () => {
    const { log, levels } = listener();
    const reports = [checked(0), checked(1), checked(0, 1)];
    const task = fsckTask({ fsck: async () => reports.shift() ?? checked(0) }, log);
    for (let i = 0; i < 3; i++) await task(signal);
    expect(levels).toEqual(["debug", "warn", "warn"]);
  });
});
