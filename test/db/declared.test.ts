/** Our tables and those that DataJoint 2.3.5 declares for the same laboratory: one catalog, word for word. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyModel } from "../../src/db/apply.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { freshDatabase } from "../support/database.ts";
import { model } from "../support/sdl.ts";

interface Declared {
  readonly queries: Record<string, string>;
  readonly rows: Record<string, unknown[]>;
}

const declared: Declared = JSON.parse(
  readFileSync(join(import.meta.dirname, "../fixtures/datajoint/declared.json"), "utf8"),
);

const laboratory = model(`
  extend schema @database(schema: "djf_declared")
  "species, common"
  type Species @table(tier: LOOKUP) {
    "a \\"code\\""
    species: String! @key @column(type: "varchar(24)")
    at: DateTime! @key @column(type: "datetime(3)")
    latin: String! @column(type: "varchar(64)", default: "")
  }
  enum Sex { F M U }
  type Subject @table @unique(fields: ["born", "note"]) {
    subject: String! @key @column(type: "varchar(40)")
    species: Species
    sex: Sex! @column(default: "U")
    born: Date
    weightG: Float @column(type: "float32")
    note: String! @column(default: "")
    n: Decimal @column(type: "decimal(6,2)")
    j: JSON
    y: Bytes
    b: Boolean! @column(default: true)
  }
  type Session @table @index(fields: ["rig", "started"]) {
    subject: Subject! @key
    sessionDate: Date! @key
    started: DateTime! @column(type: "datetime(3)", default: "CURRENT_TIMESTAMP")
    rig: Int! @column(type: "int16")
  }
  type SessionTrial @table(partOf: "Session") {
    session: Session! @key
    trial: Int! @key
    sex: Sex!
    params: Blob @codec(name: "blob")
    att: File @codec(name: "attach", store: "cold")
  }
  type Pairing @table {
    dam: Subject! @key @reference(columns: ["dam"]) @reverse(name: "asDam")
    sire: Subject! @key @reference(columns: ["sire"]) @reverse(name: "asSire")
    session: Session @unique
    litter: Int! @column(type: "int8", default: 0)
    species: Species @reference(columns: ["sp1", "sp2"])
  }
  type Mood @table { sex: Sex! @key  t: DateTime! @key @column(type: "datetime(3)") }
  type MoodUse @table { mood: Mood! @key  k: Int! @key }
  type MoodRef @table {
    m: Int! @key
    moodUse: MoodUse
    mood: Mood @reference(columns: ["x_sex", "x_t"])
  }
  type Scan @table(tier: IMPORTED) {
    session: Session! @key
    frames: NdArray! @codec(name: "npy", store: "cold")
    obj: Tree @codec(name: "object", store: "cold")
    fp: FileRef @codec(name: "filepath", store: "cold")
    gain: Float!
  }
  type ScanStats @table(tier: COMPUTED) @index(fields: ["aRatherLongColumnName", "anotherRatherLongColumnName"]) {
    scan: Scan! @key
    mean: Float!
    mood: Mood
    aRatherLongColumnName: BigInt!
    anotherRatherLongColumnName: DateTime @column(type: "datetime")
  }`);

let db: PostgresDatabase;

beforeAll(async () => {
  db = await connect(await freshDatabase());
  await migrate(db);
  await applyModel(db, laboratory);
});
afterAll(() => db.close());

describe("the peer's layout", () => {
  it.each(Object.keys(declared.queries))("is ours, word for word: %s", async (name) => {
    const { rows } = await db.query((declared.queries[name] ?? "").replaceAll("{s}", "djf_declared"));
    expect(rows.length).toBeGreaterThan(0);
    expect(rows).toEqual(declared.rows[name]);
  });
});
