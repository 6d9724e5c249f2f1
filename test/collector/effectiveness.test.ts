/** What nothing refers to goes, all of it: `capabilities` S18. */

import { beforeAll, beforeEach, expect, test } from "vitest";
import { reportOf, runCollect } from "./proof/collecting.ts";
import { leaveGarbage } from "./proof/garbage.ts";
import { leftOver, quiesce, rowsOf } from "./proof/invariants.ts";
import { expectSound, fileWorld } from "./proof/setup.ts";
import type { World } from "./proof/world.ts";

let world: World;
beforeAll(async () => {
  world = (await fileWorld()).world;
});
beforeEach(() => world.reset());

test("after grace the store holds exactly what rows refer to: single files and folders", async () => {
  const left = await leaveGarbage(world);
  expect((await world.paths()).length).toBeGreaterThan(left.keptFiles + 15);
  expect(await leftOver(world)).not.toEqual([]);
  expect(await quiesce(world)).toEqual([]);
  expect(await rowsOf(world)).toHaveLength(left.rows);
  expect(await world.paths()).toHaveLength(left.keptFiles);
  await expectSound(world);
});

test("before grace nothing goes but what its sender has given up", async () => {
  const left = await leaveGarbage(world);
  const before = await world.paths();

  for (let round = 0; round < 3; round++) reportOf(await runCollect(world));
  const after = new Set(await world.paths());
  expect(before.filter((path) => !after.has(path))).toHaveLength(left.abortedFiles);
  expect(await rowsOf(world)).toHaveLength(left.rows);
});
