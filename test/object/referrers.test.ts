import { beforeAll, expect, test } from "vitest";
import { listReferrers } from "../../src/object/referrers.ts";
import { type Laboratory, laboratory, target, writeRow } from "./laboratory.ts";

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory();
});

test("names every row of every schema, by key, up to the limit", async () => {
  const staged = await lab.objects.writer.stage(target("hash"), Buffer.from("shared"));
  const object = await writeRow(lab, 1, staged);
  const json = JSON.stringify({ store: "main", path: object.path });
  await lab.db.query("INSERT INTO lab.item SELECT n, $1::jsonb FROM generate_series(2, 30) n", [json]);
  const column = "a_column_with_a_name_of_more_than_fifty_characters_x";
  await lab.db.query("CREATE SCHEMA other");
  await lab.db.query(
    `CREATE TABLE other."#Odd ""name" ("k one" text, d date, "${column}" jsonb, PRIMARY KEY (d, "k one"))`,
  );
  await lab.db.query(`SELECT holdfast.adopt_column('other."#Odd ""name"', '${column}', 'main', false)`);
  const locator = `main:${object.path}`;
  await lab.db.query("SELECT holdfast.hold_existing('other', $1)", [locator]);
  await lab.db.query(`INSERT INTO other."#Odd ""name" VALUES ('a', '2024-02-03', $1::jsonb)`, [json]);

  const all = await listReferrers(lab.db, locator);
  expect(all).toMatchObject({ truncated: false, heldBy: ["lab", "other"] });
  expect(all.rows).toHaveLength(31);
  expect(all.rows[0]).toEqual({ schema: "lab", table: "item", column: "value", key: [["id", "1"]] });
  expect(all.rows.at(-1)).toEqual({
    schema: "other",
    table: '#Odd "name',
    column,
    key: [
      ["d", "2024-02-03"],
      ["k one", "a"],
    ],
  });
  const few = await listReferrers(lab.db, locator, { limit: 5 });
  expect(few.rows).toHaveLength(5);
  expect(few.truncated).toBe(true);
  expect((await listReferrers(lab.db, locator, { limit: 31 })).truncated).toBe(false);
  expect(await listReferrers(lab.db, "main:nothing")).toEqual({ rows: [], truncated: false, heldBy: [] });
});
