/** Models applied to a real server: from nothing, again, and from one to another. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyModel, planModel } from "../../src/db/apply.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { freshDatabase } from "../support/database.ts";
import { model } from "../support/sdl.ts";

let db: PostgresDatabase;

beforeAll(async () => {
  db = await connect(await freshDatabase());
  await migrate(db);
});
afterAll(() => db.close());

describe("applyModel on an empty database", () => {
  it("makes the sample of the API's description, and then finds nothing to do", async () => {
    const sample = model(`
      extend schema @database(schema: "api1")
      "A mouse, rat or fly under study."
      type Subject @table {
        subjectId: Int! @key
        name: String! @column(type: "varchar(64)") @unique
        species: Species!
        sex: Sex!
        birth: Date
        weight: Float @column(type: "float32")
      }
      enum Sex { M F U }
      type Species @table(tier: LOOKUP) { species: String! @key @column(type: "varchar(40)") }
      type Session @table {
        subject: Subject! @key
        sessionIdx: Int! @key
        startedAt: DateTime!
        settings: Blob @codec(name: "blob")
        notes: File @codec(name: "attach", store: "default")
      }
      type Recording @table(tier: IMPORTED) {
        session: Session! @key
        traces: NdArray @codec(name: "npy", store: "default")
        volume: Tree @codec(name: "object", store: "default")
        raw: FileRef @codec(name: "filepath", store: "cold")
      }
      type RecordingUnit @table(partOf: "Recording") {
        recording: Recording! @key
        unit: Int! @key
        waveform: NdArray @codec(name: "npy", store: "default")
      }`);
    const plan = await applyModel(db, sample);
    if (process.env["SHOW"]) console.log(plan.changes.map((change) => change.sql).join(";\n\n"));
    expect((await planModel(db, sample)).changes).toEqual([]);
  });
});
