/** Laws of applying, over random models: the tables are what the model says, from nothing and from any other model. */

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyModel, driftOf, planModel } from "../../src/db/apply.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { freshDatabase } from "../support/database.ts";
import { randomSchema } from "../support/random-schema.ts";
import { randomSchema as randomTables, renamedSchema } from "../support/random-tables.ts";
import { model, modelContext } from "../support/sdl.ts";
import { expectTables } from "../support/tables-as-model.ts";

let db: PostgresDatabase;
let count = 0;

beforeAll(async () => {
  db = await connect(await freshDatabase());
  await migrate(db);
  await db.query("INSERT INTO holdfast.store (name, is_default) VALUES ('main', true), ('cold', false)");
});
afterAll(() => db.close());

const seeds = fc.nat(1_000_000);

describe("any model", () => {
  it("gives the tables that it says, and nothing more to do", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const wanted = model(randomTables(seed, `one_${++count}`));
        await applyModel(db, wanted);
        await expectTables(db, wanted);
        expect((await planModel(db, wanted)).changes).toEqual([]);
        expect(await driftOf(db, wanted)).toEqual([]);
        await db.query(`DROP SCHEMA ${wanted.schema} CASCADE`);
      }),
      { numRuns: 100, endOnFailure: true },
    );
  }, 300_000);

  it("is reached from any other model, where dropping is allowed", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, seeds, async (from, to) => {
        const schema = `two_${++count}`;
        await applyModel(db, model(randomTables(from, schema)));
        const wanted = model(randomTables(to, schema));
        await applyModel(db, wanted, { allowDestructive: true });
        await expectTables(db, wanted, { reached: true });
        expect((await planModel(db, wanted)).changes).toEqual([]);
        const guard = await db.query("SELECT * FROM holdfast.guard WHERE what LIKE $1", [`${schema}.%`]);
        expect(guard.rows).toEqual([]);
        await db.query(`DROP SCHEMA ${schema} CASCADE`);
      }),
      { numRuns: 40, endOnFailure: true },
    );
  }, 300_000);

  it("is renamed as a whole without anything being made again", async () => {
    const harmless = new Set(["rename-table", "rename-column", "guard", "lineage", "comment"]);
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const text = randomTables(seed, `three_${++count}`);
        await applyModel(db, model(text));
        const wanted = model(renamedSchema(text));
        const plan = await applyModel(db, wanted);
        expect(plan.changes.filter((change) => !harmless.has(change.kind))).toEqual([]);
        await expectTables(db, wanted);
        expect((await planModel(db, wanted)).changes).toEqual([]);
        await db.query(`DROP SCHEMA ${wanted.schema} CASCADE`);
      }),
      { numRuns: 25, endOnFailure: true },
    );
  }, 300_000);

  it("of the whole schema language, in several schemas, is made and reached from any other", async () => {
    const texts = randomSchema({
      codecs: [...modelContext.codecs.values()],
      stores: ["cold"],
      schemas: ["near", "far"],
      maxEntities: 8,
    });
    await fc.assert(
      fc.asyncProperty(texts, texts, async (first, second) => {
        for (const wanted of [model(first), model(second)]) {
          await applyModel(db, wanted, { allowDestructive: true });
          await expectTables(db, wanted, { reached: true });
          expect((await planModel(db, wanted)).changes).toEqual([]);
        }
        await db.query("DROP SCHEMA IF EXISTS near, far CASCADE");
        await db.query("DELETE FROM holdfast.applied_table WHERE owner = 'near'");
      }),
      { numRuns: 25, endOnFailure: true },
    );
  }, 300_000);
});
