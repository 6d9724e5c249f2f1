/**
 * A process of the collector in the drill: collects, checks and revives, until it has done enough or a fault ends it. Arguments as of
 * `writer.ts`, then `copy` where the store is to be one that cannot rename, and the life of a claim in milliseconds.
 */

import { setTimeout as delay } from "node:timers/promises";
import { isServiceError } from "../../../src/errors.ts";
import { runCollect, runFsck, runRevive } from "../proof/collecting.ts";
import { World } from "../proof/world.ts";
import { arms, deathPoints } from "./arms.ts";
import { say } from "./lines.ts";
import { randomFrom } from "./random.ts";

const [url = "", stores = "{}", , seed = "1", way = "rename", claimMs] = process.argv.slice(2);
const random = randomFrom(Number(seed));
const faults = arms();
const world = await World.open(url, JSON.parse(stores), {
  faults,
  connections: 6,
  canRename: way === "rename",
  ...(claimMs !== undefined && { claimMs: Number(claimMs) }),
});
/** Steps that come to the points at which it is to die come first. */
const wanted = deathPoints();
const wantsCheck = wanted.some((point) => /^(verify|heal|reconcile)\./.test(point));
const wantsRevival = wanted.some((point) => point.startsWith("revive."));

async function revive(): Promise<void> {
  const { rows } = await world.db.query<{ locator: string }>(
    `SELECT locator FROM (SELECT locator FROM holdfast.object WHERE condemned_at IS NOT NULL
       UNION SELECT t.locator FROM holdfast.tombstone t JOIN holdfast.store s ON s.name = 'main'
       WHERE t.hidden_at + s.drain < clock_timestamp()) found
     ORDER BY random() LIMIT 3`,
  );
  if (rows.length > 0)
    await runRevive(
      world,
      rows.map(({ locator }) => locator),
    );
}

async function step(round: number): Promise<void> {
  const isFirst = round % 3 === 0;
  const dice = isFirst && wantsCheck ? 0 : isFirst && wantsRevival ? 3 : random(9);
  if (dice < 3) await runFsck(world, { scrub: random(2) });
  else if (dice < 5) await revive();
  else await runCollect(world, { confirm: true });
}

for (let round = 0; round < 12; round++) {
  try {
    await step(round);
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
