/** Random lives of objects on a real server and a real store, after each step of which all invariants are looked at. Many: `npm run test:collector`. */

import { expect, test } from "vitest";
import { collectorPoints } from "../../src/object/fault-points.ts";
import { playRuns } from "./proof/runs.ts";
import { fileWorld } from "./proof/setup.ts";

test("no run breaks an invariant", { timeout: 300_000 }, async () => {
  const { world } = await fileWorld();
  const { failure, tally } = await playRuns(world, { runs: 80, seed: 20_261_121, seconds: 240 });
  expect(failure).toBeUndefined();
  // It did something.
  for (const what of [
    "cloned",
    "foreign inserted",
    "published",
    "api died",
    "collector died",
    "held",
    "store failed",
  ])
    expect(tally.get(what), what).toBeGreaterThan(0);
  const unreached = collectorPoints.filter((point) => tally.get(`at ${point}`) === 0);
  // Which are reached hangs a little on when things happen.
  expect(unreached.length, unreached.join()).toBeLessThan(4);
});
