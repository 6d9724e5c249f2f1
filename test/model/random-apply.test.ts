/** Random schemas in full variety, circles and several database schemas included, become the tables that they say. */

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyModel, driftOf, planModel } from "../../src/db/apply.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import type { Model } from "../../src/model/model.ts";
import { parseModel } from "../../src/model/parse.ts";
import { freshDatabase } from "../support/database.ts";
import { randomSchema } from "../support/random-schema.ts";
import { expectTables } from "../support/tables-as-model.ts";
import { testContext } from "./context.ts";

let db: PostgresDatabase;
let count = 0;

beforeAll(async () => {
  db = await connect(await freshDatabase());
  await migrate(db);
  await db.query(
    "INSERT INTO holdfast.store (name, is_default) VALUES ('main', true), ('cold', false), ('acquisition', false)",
  );
});
afterAll(() => db.close());

/** The six that ship: {@link expectTables} knows how these lie in a table. */
const shipped = [...testContext.codecs.values()].filter((codec) => codec.name !== "marker");

/** Schemas over the given database schemas, whose names get a number of their own for each run. */
function schemas(names: readonly string[]): fc.Arbitrary<string> {
  return randomSchema({ codecs: shipped, stores: ["main", "cold"], schemas: names });
}

function parse(text: string): Model {
  count += 1;
  const own = text.replaceAll(/"(first|second)_lab"/g, `"$1_lab_${count}"`);
  return parseModel([{ path: "schema.graphql", text: own }], testContext);
}

describe("a random schema", () => {
  it("becomes the tables that it says, and then nothing is left to do", async () => {
    await fc.assert(
      fc.asyncProperty(schemas(["first_lab"]), async (text) => {
        const model = parse(text);
        await applyModel(db, model);
        await expectTables(db, model);
        expect((await planModel(db, model)).changes).toEqual([]);
        expect(await driftOf(db, model)).toEqual([]);
      }),
      { numRuns: 12 },
    );
  }, 180_000);

  it("over two database schemas leaves nothing to do either", async () => {
    await fc.assert(
      fc.asyncProperty(schemas(["first_lab", "second_lab"]), async (text) => {
        const model = parse(text);
        await applyModel(db, model);
        expect((await planModel(db, model)).changes).toEqual([]);
        expect(await driftOf(db, model)).toEqual([]);
      }),
      { numRuns: 12 },
    );
  }, 180_000);
});
