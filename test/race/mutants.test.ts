import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as scenes from "./scenes.ts";
import { hold, insert, object, Stage, type World } from "./world.ts";

const stage = new Stage();
beforeAll(() => stage.open());
afterAll(() => stage.close());

/** `holdfast.sweep` with `body` after its declarations. */
function sweepMutant(body: string): string {
  return `CREATE OR REPLACE PROCEDURE holdfast.sweep(target regclass, cond text, lim int, INOUT n bigint) LANGUAGE plpgsql AS $$
    DECLARE u text := holdfast.unreferenced(target); cand text[];
    BEGIN ${body} GET DIAGNOSTICS n = ROW_COUNT; END $$`;
}

const candidates =
  "EXECUTE format('SELECT array_agg(locator) FROM (SELECT locator FROM %s o WHERE %s AND %s ORDER BY locator LIMIT %s) s', target, cond, u, lim) INTO cand;";
const oneStatement = sweepMutant("EXECUTE format('DELETE FROM %s o WHERE %s AND %s', target, cond, u);");
const noSecondLook = sweepMutant(
  `${candidates} EXECUTE format('DELETE FROM %s o WHERE locator = ANY ($1)', target) USING cand;`,
);
const noSkipLocked = sweepMutant(
  `${candidates}
   EXECUTE format('SELECT array_agg(locator) FROM (SELECT locator FROM %s o WHERE locator = ANY ($1) AND %s ORDER BY locator FOR UPDATE) s', target, cond) INTO cand USING cand;
   EXECUTE format('DELETE FROM %s o WHERE locator = ANY ($1) AND %s', target, u) USING cand;`,
);

/** A reference is made while the mutant sweep waits for it: whatever the sweep answers, the reference stands. */
async function referenceDuringSweep(w: World, target: string): Promise<string> {
  await (target === hold ? w.held() : w.condemned());
  await w.a.run("BEGIN");
  await w.a.run(insert(2));
  const sweeping = await w.b.blocked(w.monitor, "CALL holdfast.sweep($1, 'true', 1000, 0)", target);
  await w.a.run("COMMIT");
  const outcome = await sweeping.join();
  await w.expectSound();
  expect(await w.count("lab.t")).toBe(1);
  return outcome.ok ? `swept ${String(outcome.rows[0]?.["n"])}` : outcome.sqlstate;
}

describe("a weaker sweep", () => {
  it.each([
    ["in one statement", oneStatement, "23503"],
    ["without the second look", noSecondLook, "23503"],
    ["without SKIP LOCKED", noSkipLocked, "swept 0"],
  ])("%s loses nothing: the foreign keys hold", async (_, mutant, answer) => {
    for (const target of [hold, object]) {
      await stage.play(async (w) => {
        expect(await referenceDuringSweep(w, target)).toBe(answer);
      }, mutant);
    }
  });
});

describe("the insert trigger moved before the insert", () => {
  const before = `DROP TRIGGER object_inserted ON holdfast.object;
    CREATE TRIGGER object_inserted BEFORE INSERT ON holdfast.object FOR EACH ROW EXECUTE FUNCTION holdfast.object_inserted()`;

  it("is caught: it looks for the tombstone before it has waited for the kill", async () => {
    const returning = (body: string) => body.replace("RETURN NULL", "RETURN NEW");
    const source = await stage.functionText("holdfast.object_inserted()");
    const mutant = `${returning(source)}; ${before}`;
    await expect(stage.play(scenes.killThenForeignInsert, mutant)).rejects.toThrow(
      /object rows beside a tombstone/,
    );
  });
});
