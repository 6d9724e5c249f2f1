import { describe, expect, it } from "vitest";
import { check } from "./check.ts";
import { runs } from "./variants.ts";

// `node test/model/run.ts` plays the large ones too.
const small = runs.filter((run) => (run.states ?? 0) < 100_000);

describe("the storage protocol", () => {
  it.each(small.filter((run) => run.allowed !== undefined))("holds: $name", (run) => {
    expect(check(run).problem).toBeUndefined();
  });
});

describe("the storage protocol with one rule less", () => {
  it.each(small.filter((run) => run.allowed === undefined))("is caught: $name", (run) => {
    const { exploration, problem } = check(run);
    expect(problem).toBeUndefined();
    for (const way of exploration.violations.values()) expect(way.length).toBeGreaterThan(0);
  });

  it("would be noticed if it were sound", () => {
    const [sound] = runs;
    if (sound === undefined) throw new Error("there are no runs");
    expect(check({ name: "no mutant", rules: { ...sound.rules } }).problem).toBe("the mutant escapes");
  });
});
