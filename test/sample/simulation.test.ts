import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { measureClock } from "../../src/sample/clock.ts";
import { exponential } from "../../src/sample/exponential.ts";
import { simulate } from "../../src/sample/laboratory.ts";
import { littleEndian } from "../../src/sample/little-endian.ts";
import { zarrFiles } from "../../src/sample/movie.ts";

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

describe("exponential", () => {
  it("agrees with Math.exp to a few units in the last place", () => {
    for (let x = -80; x < 80; x += 0.173)
      expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(1e-15);
  });
});

describe("simulate", () => {
  const simulation = simulate();

  it("fires as the published axon does: none below, one near threshold, trains above", () => {
    const counts = simulation.sweeps.map(({ features }) => features.spikes.length);
    expect(counts).toEqual([0, 0, 0, 1, 2, 25, 28, 30, 31, 33, 34, 35]);
  });

  it("rests near -65 mV and peaks near 40 mV", () => {
    for (const { features } of simulation.sweeps) {
      expect(features.restingMv).toBeCloseTo(-65, 1);
      for (const { peakMv } of features.spikes) expect(peakMv).toBeGreaterThan(25);
    }
  });

  it("has the same bits everywhere", () => {
    expect(sha256(...simulation.sweeps.map(({ voltage }) => littleEndian(voltage)))).toMatchInlineSnapshot(
      `"a19250e6fcbbcc196b7fa71d6bd545ec969b870d70b4d219a2e0a175891c9959"`,
    );
    expect(sha256(...zarrFiles(simulation.movie).map(({ bytes }) => bytes))).toMatchInlineSnapshot(
      `"fd267b9a752a690c68098c100dcfc377843d9e83dbd083e1cdb0012756bfcf5f"`,
    );
  });
});

describe("measureClock", () => {
  it("keeps every step and counts each one once", () => {
    let now = 0n;
    const taken: number[] = [];
    const measurement = measureClock(() => {
      const step = (taken.length * 7919) % 1000;
      taken.push(step);
      now += BigInt(step);
      return now;
    });
    expect([...measurement.steps]).toEqual(taken.slice(1));
    expect(measurement.counts.reduce((sum, count) => sum + count, 0)).toBe(200_000);
    expect(measurement.edges.slice(0, 4)).toEqual([0, 1, 2, 4]);
    expect(measurement.longestNs).toBe(Math.max(...taken.slice(0, 2000)));
  });

  it("measures this computer's clock, which never runs backwards", () => {
    const { steps, medianNs, longestNs } = measureClock();
    expect(steps.length).toBe(200_000);
    expect(longestNs).toBeGreaterThanOrEqual(medianNs);
    expect(longestNs).toBeGreaterThan(0);
  });
});
