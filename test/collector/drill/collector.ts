/**
 * A process of the collector in the drill: collects, checks and revives, until it has done enough or a fault ends it. Arguments as of
 * `writer.ts`, and `copy` where the store is to be one that cannot rename.
 */

import { setTimeout as delay } from "node:timers/promises";
import { isServiceError } from "../../../src/errors.ts";
import { parseFaultPoints } from "../../../src/object/fault-points.ts";
import { runCollect, runFsck, runRevive } from "../proof/collecting.ts";
import { World } from "../proof/world.ts";
import { say } from "./lines.ts";
import { randomFrom } from "./random.ts";

const [url = "", stores = "{}", , seed = "1", way = "rename"] = process.argv.slice(2);
const random = randomFrom(Number(seed));
const faults = parseFaultPoints(process.env["HOLDFAST_FAULT"]);
const world = await World.open(url, JSON.parse(stores), {
  faults,
  connections: 6,
  canRename: way === "rename",
});

async function revive(): Promise<void> {
  const { rows } = await world.db.query<{ locator: string }>(
    `SELECT locator FROM (SELECT locator FROM holdfast.object WHERE condemned_at IS NOT NULL
       UNION SELECT locator FROM holdfast.tombstone WHERE hidden_at < clock_timestamp() - interval '2 s') found
     ORDER BY random() LIMIT 3`,
  );
  if (rows.length > 0)
    await runRevive(
      world,
      rows.map(({ locator }) => locator),
    );
}

async function step(): Promise<void> {
  const dice = random(9);
  if (dice < 3) await runFsck(world, { scrub: random(2) });
  else if (dice < 5) await revive();
  else await runCollect(world, { confirm: true });
}

for (let round = 0; round < 12; round++) {
  try {
    await step();
  } catch (error) {
    const code = isServiceError(error) ? error.code : undefined;
    say(code === undefined ? { wrong: String(error) } : { refused: code });
    await delay(100);
  }
  await delay(30);
}
for (const wrong of world.judge.wrong) say({ wrong });
say({ done: "collector" });
process.exit(0);
