import { afterAll, beforeAll, describe, it } from "vitest";
import * as scenes from "./scenes.ts";
import { Stage } from "./world.ts";

const stage = new Stage();
beforeAll(() => stage.open());
afterAll(() => stage.close());

describe("the object protocol in forced interleavings", () => {
  it.each([
    ["reference, then release (the sweep skips it)", scenes.referenceThenRelease],
    ["reference, then plain DELETE of the hold", scenes.referenceThenDelete],
    ["release, then foreign insert", scenes.releaseThenForeignInsert],
    ["release, then insert by the service", scenes.releaseThenServiceInsert],
    ["kill, then foreign insert", scenes.killThenForeignInsert],
    ["foreign insert, then kill", scenes.foreignInsertThenKill],
    ["insert while claimed, hidden, drained", scenes.insertByTombstoneState],
    ["claim, then insert", scenes.claimThenInsert],
    ["insert, then claim", scenes.insertThenClaim],
    ["a claim that is stolen, then its end told by who had it", scenes.stealThenHidden],
    ["kill, then reuse of known content", scenes.killThenReuse],
    ["reuse of known content, then kill", scenes.reuseThenKill],
    ["reuse of what nobody has verified", scenes.reuseOfUnverified],
    ["reserve against reserve, publish, kill", scenes.reserveAgainstAll],
    ["reaper, then publish", scenes.reapThenPublish],
    ["publish, then reaper", scenes.publishThenReap],
    ["publish after its key was killed", scenes.publishAfterKill],
    ["two publishes of one content", scenes.publishSameContent],
    ["condemn on an old snapshot", scenes.staleCondemn],
    ["kill in REPEATABLE READ", scenes.killOnOldSnapshot],
    ["opposite order of two new objects", scenes.oppositeOrder],
    ["DDL beside a long transaction", scenes.ddlBesideLongTransaction],
    ["roll-back of a savepoint", scenes.savepointRollback],
    ["TRUNCATE and DROP TABLE", scenes.truncateAndDrop],
    ["overwrite, then release", scenes.overwriteThenRelease],
    ["clone against release and kill", scenes.cloneThenKill],
    ["verifier on an old look", scenes.staleVerifier],
  ])("%s", async (_, scene) => {
    await stage.play(scene);
  });
});
