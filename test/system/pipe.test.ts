/** A run and its reader: the one waits for the other, and for no reader that has stopped. */

import { describe, expect, it } from "vitest";
import { Pipe } from "../../src/system/collector/pipe.ts";
import { RunsHere } from "../../src/system/collector/runs-here.ts";

const decision = (n: number) => ({ step: "kill" as const, store: "main", locator: `main:${n}`, reason: "" });

async function drained<T>(pipe: Pipe<T>): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const some = await pipe.take();
    if (some.length === 0) return all;
    all.push(...some);
  }
}

describe("a pipe", () => {
  it("hands over everything in order, and holds a writer back that is ahead of its reader", async () => {
    const pipe = new Pipe<number>(60_000);
    const count = 25_000;
    let written = 0;
    const writing = (async () => {
      for (; written < count; written++) await pipe.push(written);
      pipe.end();
    })();
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).toBeLessThan(count);
    expect(await drained(pipe)).toEqual(Array.from({ length: count }, (_, n) => n));
    await writing;
  });

  it("gives a reader up that takes nothing, tells it so, and lets the writer go on", async () => {
    const pipe = new Pipe<number>(20);
    for (let n = 0; n < 30_000; n++) await pipe.push(n);
    pipe.end();
    const got: number[] = [];
    const reading = (async () => {
      for (;;) got.push(...(await pipe.take()));
    })();
    await expect(reading).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(got).toEqual(Array.from({ length: 10_000 }, (_, n) => n));
  });

  it("ends for both when the reader has gone", async () => {
    const pipe = new Pipe<number>(60_000);
    const waiting = pipe.take();
    pipe.abandon();
    expect(await waiting).toEqual([]);
    for (let n = 0; n < 30_000; n++) await pipe.push(n);
    expect(await pipe.take()).toEqual([]);
  });
});

describe("a run that a caller has begun", () => {
  it("is stopped by its id, and not after its end", async () => {
    const runs = new RunsHere(() => undefined);
    const run = await runs.begin(
      async ({ signal, onRun }) => {
        onRun("7");
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return { run: "7" };
      },
      { wait: false, follow: false },
    );
    expect(run).toBe("7");
    const ended = runs.ended("7");
    expect(runs.stop("8")).toBe(false);
    expect(runs.stop("7")).toBe(true);
    await ended;
    await expect.poll(() => runs.stop("7")).toBe(false);
  });

  it("fails in its caller's hands while that waits, and in the log afterwards", async () => {
    const logged: unknown[] = [];
    const runs = new RunsHere((error, run) => logged.push([String(error), run]));
    const failing = async ({ onRun }: { onRun: (run: string) => void }): Promise<never> => {
      onRun("8");
      await Promise.resolve();
      throw new Error("gone");
    };
    await expect(runs.begin(failing, { wait: true, follow: false })).rejects.toThrow("gone");
    expect(logged).toEqual([]);
    const fails = Promise.withResolvers<never>();
    const later = ({ onRun }: { onRun: (run: string) => void }): Promise<never> => {
      onRun("9");
      return fails.promise;
    };
    await runs.begin(later, { wait: false, follow: false });
    fails.reject(new Error("later"));
    await expect.poll(() => logged).toEqual([["Error: later", "9"]]);
  });

  it("tells one reader", async () => {
    const runs = new RunsHere(() => undefined);
    await runs.begin(
      async ({ onRun, tell }) => {
        onRun("10");
        for (let n = 0; n < 3; n++) await tell?.({ decision: decision(n) });
        return { run: "10" };
      },
      { wait: true, follow: true },
    );
    const pipe = runs.pipeOf("10");
    expect(runs.pipeOf("10")).toBeUndefined();
    expect((await pipe?.take())?.length).toBe(3);
    expect(await pipe?.take()).toEqual([]);
  });
});
