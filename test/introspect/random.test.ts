/** The way back: random schema files → tables → the schema file that describes them, which says the same of every table. */

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyModel, planModel } from "../../src/db/apply.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { readSchemas } from "../../src/db/read-schemas.ts";
import { introspect } from "../../src/introspect/introspect.ts";
import type { Model } from "../../src/model/model.ts";
import { foreignKeyMark, indexMark } from "../../src/sql/mark.ts";
import { wantedTables } from "../../src/sql/table.ts";
import { freshDatabase } from "../support/database.ts";
import { randomSchema } from "../support/random-schema.ts";
import { randomSchema as randomTables } from "../support/random-tables.ts";
import { model, modelContext } from "../support/sdl.ts";

let db: PostgresDatabase;
let count = 0;

beforeAll(async () => {
  db = await connect(await freshDatabase());
  await migrate(db);
  await db.query("INSERT INTO holdfast.store (name, is_default) VALUES ('main', true), ('cold', false)");
});
afterAll(() => db.close());

/** What a model says of its tables, in one form. */
function said(of: Model) {
  const tables = wantedTables(of).map((table) => ({
    table: `${table.schema}.${table.name}`,
    key: table.key,
    columns: table.columns
      .map(({ name, comparable, nullable, isReference, default: value }) =>
        JSON.stringify([name, comparable, nullable, isReference, (value ?? null) === null]),
      )
      .toSorted(),
    foreignKeys: [...new Set(table.foreignKeys.map(foreignKeyMark))].toSorted(),
    indexes: table.indexes.map(indexMark).toSorted(),
    lineage: [...table.lineage].toSorted(),
  }));
  return tables.toSorted((a, b) => (a.table < b.table ? -1 : 1));
}

async function goesAndComesBack(wanted: Model): Promise<void> {
  const schemas = [...new Set(wanted.entities.map(({ schema }) => schema))];
  try {
    await applyModel(db, wanted);
    const found = introspect(await readSchemas(db, schemas), schemas, modelContext);
    expect(found.faults).toEqual([]);
    expect(found.additions).toEqual([]);
    const silent = found.notes.filter(({ message }) => !message.startsWith("called "));
    expect(silent.filter(({ message }) => !message.startsWith("its default "))).toEqual([]);
    const back = model(found.text);
    expect(said(back)).toEqual(said(wanted));
    expect((await planModel(db, back)).changes).toEqual([]);
  } finally {
    await db.query(`DROP SCHEMA IF EXISTS ${schemas.join(", ")} CASCADE`);
    await db.query("DELETE FROM holdfast.applied_table");
  }
}

describe("any schema file", () => {
  it("comes back from its tables", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000_000), (seed) =>
        goesAndComesBack(model(randomTables(seed, `back_${++count}`))),
      ),
      { numRuns: 40, endOnFailure: true },
    );
  }, 300_000);

  it("of several schemas comes back too", async () => {
    const texts = randomSchema({
      codecs: [...modelContext.codecs.values()].filter(({ peer }) => peer === undefined),
      stores: ["cold"],
      schemas: ["near", "far"],
      maxEntities: 8,
    });
    await fc.assert(
      fc.asyncProperty(texts, (text) => goesAndComesBack(model(text))),
      { numRuns: 40, endOnFailure: true },
    );
  }, 300_000);
});
