/** A table of one schema is altered, in a transaction that stays open: the other schemas go on, writers and collector alike. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { codesOf, mainOf, Stage } from "./stage.ts";

const stage = new Stage();
beforeAll(() => stage.open());
afterAll(() => stage.close());

/** What a user does to a table of the schema x, and which of its tables are locked by that. */
const changes = [
  "ALTER TABLE x.t ADD COLUMN more int",
  "ALTER TABLE x.t ALTER COLUMN id TYPE bigint",
  "CREATE TABLE x.other (id int PRIMARY KEY); ALTER TABLE x.t ADD FOREIGN KEY (id) REFERENCES x.other (id) NOT VALID",
];

for (const change of changes)
  test(change, () =>
    stage.playAlone(async (w) => {
      await w.on("7 days");
      await w.put("held", { held: ["lab"] });
      await w.put("dead", { condemned: "30 days" });
      await w.put("used", { rows: ["x.t"] });
      await w.put("kept", { rows: ["lab.t"] });
      await w.outside(async (owner) => {
        await owner.query(`BEGIN; ${change}`);
        await w.outside(async (writer) => {
          await writer.query("SET lock_timeout = '250ms'");
          await writer.query(w.refer("kept"));
          await writer.query(w.refer("new"));
          await writer.query("DELETE FROM lab.t WHERE d->>'path' = '_hash/lab/kept'");
        });
        const { report } = await w.told({ stores: ["main"] });
        expect(report.doubts).toEqual([]);
        expect(mainOf(report).counts).toMatchObject({ release: 2, kill: 1 });
        expect(await w.keys()).toEqual(["held", "kept", "new", "used"]);
        await owner.query("COMMIT");
      });
      const { report } = await w.told({ stores: ["main"] });
      expect(codesOf(report)).toEqual([]);
      await w.expectSound();
    }),
  );

test("the guard knows what a reference is made of, without asking for the text of it", () =>
  stage.playAlone(async (w) => {
    const table = (name: string, column: string, expression: string) =>
      w.db.query(
        `CREATE TABLE lab.${name} (id int PRIMARY KEY, e jsonb, ${column} jsonb, r text COLLATE "C" GENERATED ALWAYS AS
           (coalesce(${column}->>'store', 'main') || ':' || ${expression}) STORED REFERENCES lab."~object" (locator));
         COMMENT ON COLUMN lab.${name}.${column} IS ':<blob@main>:'`,
      );
    await table("another_key", "d", "(d->>'other')");
    await table("another_column", "d", "(e->>'path')");
    await table("longer_key", "d", "(d->>'my path')");
    await table("right", `"odd {name} \\"`, `("odd {name} \\"->>'path')`);
    await w.on();
    const { doubts } = await w.collect({ stores: ["main"] });
    expect(doubts.map(({ code, subject }) => `${code} ${subject}`)).toEqual([
      "GUARD lab.another_column.d",
      "GUARD lab.another_key.d",
      "GUARD lab.longer_key.d",
    ]);
  }));
