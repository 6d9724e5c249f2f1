/** A short run of the parity suite; `npm run test:parity` is the long one. */

import { afterAll, expect, test } from "vitest";
import { freshDatabase } from "../support/database.ts";
import { compareAll } from "./suite.ts";
import { Tally } from "./tally.ts";
import { openWorld } from "./world.ts";

const world = await openWorld(await freshDatabase());
afterAll(() => world.close());

test("random operations over random models are answered as graphql-js answers them from whole tables", async () => {
  const tally = new Tally();
  await compareAll(world, { seed: 20_261_121, models: 8, operations: 320 }, { tally });
  expect(tally.operations).toBe(320);
  // They tell of uploads and jobs, which are no rows of tables.
  expect(tally.skipped).toEqual(
    new Set(["field Query.upload", "field Query.jobs", "field Query.jobProgress"]),
  );
  // Most operations must be answered, and most of those in full.
  expect(tally.refused).toBeLessThan(100);
  expect(tally.unsure).toBeLessThan(10);
}, 120_000);
