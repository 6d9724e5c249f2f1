/** Renames of tables and fields that DataJoint made: references, lineage, job tables, guards and what others have made beside them follow. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyModel, planModel } from "../../src/db/apply.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { compareLineage } from "../../src/db/lineage.ts";
import { migrate } from "../../src/db/migrate.ts";
import { readSchemas } from "../../src/db/read-schemas.ts";
import { introspect } from "../../src/introspect/introspect.ts";
import { freshDatabase } from "../support/database.ts";
import { model, modelContext } from "../support/sdl.ts";

const schemas = ["djf_lab", "djf_types", "djf_blobs", "djf_objects"];
/** What other programs have made beside it, and the schema file does not know. */
const others = `
  CREATE SCHEMA other;
  CREATE TABLE other."~lineage" (table_name varchar(64) NOT NULL, attribute_name varchar(64) NOT NULL, lineage varchar(255) NOT NULL, PRIMARY KEY (table_name, attribute_name));
  CREATE TABLE other.weighing (subject varchar(40), day date, grams real, PRIMARY KEY (subject, day), FOREIGN KEY (subject) REFERENCES djf_lab.subject (subject) ON UPDATE CASCADE ON DELETE RESTRICT);
  CREATE TABLE other.meal (subject varchar(40), day date, meal smallint, PRIMARY KEY (subject, day, meal), FOREIGN KEY (subject, day) REFERENCES other.weighing (subject, day) ON UPDATE CASCADE ON DELETE RESTRICT);
  INSERT INTO other."~lineage" VALUES ('weighing', 'subject', 'djf_lab.subject.subject'), ('weighing', 'day', 'other.weighing.day'),
    ('meal', 'subject', 'djf_lab.subject.subject'), ('meal', 'day', 'other.weighing.day'), ('meal', 'meal', 'other.meal.meal');`;

/** The file with a type and its fields under other names. */
function renamed(text: string): string {
  return text
    .replaceAll(/\bScanStats\b/g, "Summary")
    .replaceAll(/\bScanStatsUnit\b/g, "SummaryUnit")
    .replaceAll(/(: )Subject\b/g, "$1Animal")
    .replaceAll(/(: )Scan\b/g, "$1Imaging")
    .replace("type Subject @table", 'type Animal @renamedFrom(name: "Subject") @table')
    .replace("type Scan @table", 'type Imaging @renamedFrom(name: "Scan") @table')
    .replace("type Summary @table", 'type Summary @renamedFrom(name: "ScanStats") @table')
    .replace(
      "  subject: String! @key @column",
      '  animal: String! @key @renamedFrom(name: "subject") @column',
    )
    .replace("  frames: NdArray!", '  movie: NdArray! @renamedFrom(name: "frames")')
    .replace("  trace: Blob!", '  course: Blob! @renamedFrom(name: "trace")')
    .replace("  sex: Sex!", '  gender: Sex! @renamedFrom(name: "sex")')
    .replace("  outcome: Outcome!", '  result: Outcome! @renamedFrom(name: "outcome")');
}

describe.each([
  ["that were applied to before", true],
  ["that nobody has applied to", false],
])("tables of the peer %s", (_, isApplied) => {
  let db: PostgresDatabase;
  let described = "";
  const rowsOf = async (sql: string): Promise<readonly unknown[]> => (await db.query(sql)).rows;

  beforeAll(async () => {
    db = await connect(await freshDatabase());
    await db.transaction(async (transaction) => {
      await transaction.query(
        readFileSync(join(import.meta.dirname, "../fixtures/datajoint/dump.sql"), "utf8"),
      );
      await transaction.query("RESET search_path");
      await transaction.query(others);
    });
    await migrate(db);
    await db.query("INSERT INTO holdfast.store (name, is_default) VALUES ('main', true), ('cold', false)");
    described = introspect(await readSchemas(db, schemas), schemas, modelContext).text;
    if (isApplied) await applyModel(db, model(described));
  });
  afterAll(() => db.close());

  it("are renamed with all that is named after them, and nothing is left to do", async () => {
    const before = {
      rows: await rowsOf("SELECT subject AS k, sex::text, weight_g FROM djf_lab.subject ORDER BY 1"),
      frames: await rowsOf("SELECT subject AS k, session_date, frames FROM djf_lab._scan ORDER BY 1, 2"),
      holds: isApplied ? await rowsOf('SELECT locator FROM djf_lab."~object" ORDER BY 1') : [],
      jobs: await rowsOf(
        `SELECT subject AS k, session_date, status::text FROM djf_lab."~~scan" ORDER BY 1, 2`,
      ),
    };
    const wanted = model(renamed(described));
    const plan = await planModel(db, wanted);
    expect(plan.refused).toEqual([]);
    expect(plan.destructive.map(({ summary }) => summary)).toEqual([]);
    await applyModel(db, wanted);
    expect((await planModel(db, wanted)).changes.map(({ summary }) => summary)).toEqual([]);
    expect({
      rows: await rowsOf("SELECT animal AS k, gender::text AS sex, weight_g FROM djf_lab.animal ORDER BY 1"),
      frames: await rowsOf(
        "SELECT animal AS k, session_date, movie AS frames FROM djf_lab._imaging ORDER BY 1, 2",
      ),
      holds: isApplied ? await rowsOf('SELECT locator FROM djf_lab."~object" ORDER BY 1') : [],
      jobs: await rowsOf(
        `SELECT animal AS k, session_date, status::text FROM djf_lab."~~imaging" ORDER BY 1, 2`,
      ),
    }).toEqual(before);
  });

  it("have the lineage that their keys tell, tables of other schemas and job tables too", async () => {
    const { schemas: found } = await compareLineage(db, [...schemas, "other"]);
    expect(found.flatMap(({ faults }) => faults)).toEqual([]);
    expect(await rowsOf(`SELECT lineage FROM other."~lineage" WHERE attribute_name = 'subject'`)).toEqual([
      { lineage: "djf_lab.animal.animal" },
      { lineage: "djf_lab.animal.animal" },
    ]);
  });

  it("are guarded under their new names", async () => {
    expect(await rowsOf("SELECT problem, what FROM holdfast.guard")).toEqual([]);
    const { rows } = await db.query<{ name: string }>(
      `SELECT tgname::text AS name FROM pg_trigger WHERE tgrelid = 'djf_lab._imaging'::regclass AND NOT tgisinternal AND tgname LIKE '\\_obj%'
       UNION ALL SELECT attname FROM pg_attribute WHERE attrelid = 'djf_lab._imaging'::regclass AND attgenerated = 's' AND NOT attisdropped ORDER BY 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual(["_movie_ref", "_obj_movie_ref"]);
  });

  it("keep their job tables: names, comments and indexes are those that the peer would give", async () => {
    expect(
      await rowsOf(
        `SELECT c.relname::text AS name, obj_description(c.oid) AS comment FROM pg_class c WHERE relnamespace = 'djf_lab'::regnamespace AND relkind = 'r' AND relname LIKE '~~%' ORDER BY 1`,
      ),
    ).toEqual([
      { name: "~~imaging", comment: 'Job queue for "djf_lab"."_imaging"' },
      { name: "~~summary", comment: 'Job queue for "djf_lab"."__summary"' },
    ]);
    expect(
      await rowsOf(`SELECT FROM pg_class WHERE relnamespace = 'djf_lab'::regnamespace AND relname ~ 'scan'`),
    ).toEqual([]);
  });
});
