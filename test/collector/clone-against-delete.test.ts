/** A clone against the last delete and the collector: `capabilities` S7. One thousand rounds, each of which ends with a whole clone or none. */

import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { reportOf, runCollect } from "./proof/collecting.ts";
import { age, contentOf, quiesce, rowsOf } from "./proof/invariants.ts";
import { expectSound, fileWorld } from "./proof/setup.ts";
import type { World } from "./proof/world.ts";
import { clone, deleteRow, write } from "./proof/writing.ts";

let world: World;
beforeAll(async () => {
  world = (await fileWorld()).world;
});
beforeEach(() => world.reset());

const rounds = 1000;
const atOnce = 20;

test("a clone is whole or was refused, whatever goes at the same time", { timeout: 600_000 }, async () => {
  await world.policy({ grace: "0", keep: "0", drain: "0" });
  let isOver = false;
  const collecting = async (): Promise<number> => {
    let runs = 0;
    for (; !isOver; runs++) {
      reportOf(await runCollect(world, { confirm: true }));
      await age(world, "drain");
    }
    return runs;
  };
  const collectors = [collecting(), collecting()];
  const tally = { cloned: 0, refused: 0 };
  try {
    for (let first = 0; first < rounds; first += atOnce) {
      await Promise.all(
        Array.from({ length: atOnce }, async (_, n) => {
          (await round(first + n)) ? tally.cloned++ : tally.refused++;
        }),
      );
    }
  } finally {
    isOver = true;
  }
  const runs = await Promise.all(collectors);
  expect(runs.every((count) => count > 0)).toBe(true);
  expect(world.judge.taken).toBeGreaterThan(rounds / 50);
  // Both happen: the race is one.
  expect(Math.min(tally.cloned, tally.refused)).toBeGreaterThan(rounds / 50);
  expect((await rowsOf(world)).filter(({ table }) => table === "proj.item")).toHaveLength(tally.cloned);
  await expectSound(world);
  expect(await quiesce(world)).toEqual([]);
});

/** Answers whether the clone was made. */
async function round(id: number): Promise<boolean> {
  const from = { table: "lab.item", id } as const;
  const api = await sharedApi();
  await write(
    api,
    { ...from, shape: id % 3 === 0 ? "schema" : "hash" },
    Buffer.from(`round ${id} `.repeat(20)),
  );
  // Who is first hangs on the machine; so the clone, which has more to do, gets head starts of all lengths.
  const [cloned] = await Promise.all([
    clone(world, from, { table: "proj.item", id }),
    delay(id % 20).then(() => deleteRow(world, "lab.item", id)),
  ]);
  if (cloned) {
    const found = await world.db.query<{ locator: string }>(
      "SELECT _value_ref AS locator FROM proj.item WHERE id = $1",
      [id],
    );
    expect(await contentOf(world, found.rows[0]?.locator ?? "")).toBeDefined();
  }
  return cloned;
}

let api: ReturnType<World["api"]> | undefined;
function sharedApi(): ReturnType<World["api"]> {
  api ??= world.api();
  return api;
}
