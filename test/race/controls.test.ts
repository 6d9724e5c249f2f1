import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as scenes from "./scenes.ts";
import { Stage } from "./world.ts";

const stage = new Stage();
beforeAll(() => stage.open());
afterAll(() => stage.close());

const noRowKey = "ALTER TABLE lab.t DROP CONSTRAINT _d_ref_fk";
const noHoldKey = (schema: string) =>
  `ALTER TABLE ${schema}."~object" DROP CONSTRAINT "~object_locator_fkey"`;

// Each names how it goes wrong: a control that failed for another reason would prove nothing.
describe("the object protocol with one guard removed goes wrong, so the interleavings can see it", () => {
  it.each([
    ["no foreign key on the row: plain DELETE of the hold", scenes.referenceThenDelete, noRowKey, /ok: true/],
    [
      "no foreign key on the row: insert after release",
      scenes.releaseThenServiceInsert,
      noRowKey,
      /expected to block/,
    ],
    ["no foreign key on the row: overwrite", scenes.overwriteThenRelease, noRowKey, /expected 1 to be \+0/],
    ["no foreign key on the hold: kill", scenes.foreignInsertThenKill, noHoldKey("lab"), /ok: true/],
    ["no foreign key on the hold: clone", scenes.cloneThenKill, noHoldKey("x"), /expected 1 to be \+0/],
    [
      "no insert trigger: insert while claimed",
      scenes.insertByTombstoneState,
      "DROP TRIGGER object_inserted ON holdfast.object",
      /expected undefined to be/,
    ],
    [
      "no delete trigger: publish after kill",
      scenes.publishAfterKill,
      "DROP TRIGGER object_deleted ON holdfast.object",
      /expected undefined to be/,
    ],
    [
      "no unique content: two publishes",
      scenes.publishSameContent,
      "ALTER TABLE holdfast.object DROP CONSTRAINT object_dedup_key",
      /expected to block/,
    ],
  ])("%s", async (_, scene, change, failure) => {
    await expect(stage.play(scene, change)).rejects.toThrow(failure);
  });
});
