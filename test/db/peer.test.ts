/** Tables that DataJoint 2.3.5 declared: read, recognised, and only added to. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyModel, driftOf, planModel } from "../../src/db/apply.ts";
import { readCatalog } from "../../src/db/catalog.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { tableId } from "../../src/sql/wanted.ts";
import { freshDatabase } from "../support/database.ts";
import { model } from "../support/sdl.ts";

let db: PostgresDatabase;

beforeAll(async () => {
  db = await connect(await freshDatabase());
  await migrate(db);
  const dump = readFileSync(join(import.meta.dirname, "../fixtures/datajoint/dump.sql"), "utf8");
  // One connection: the dump empties its session's search_path.
  await db.transaction((transaction) => transaction.query(dump));
  await db.query("INSERT INTO holdfast.store (name, is_default) VALUES ('main', true), ('cold', false)");
});
afterAll(() => db.close());

const lab = model(`
  extend schema @database(schema: "djf_lab")
  "species, 'common' names"
  type Species @table(tier: LOOKUP) {
    "a short \\"code\\""
    species: String! @key @column(type: "varchar(24)")
    latin: String! @column(type: "varchar(64)", default: "")
    legs: Int @column(type: "int8")
  }
  enum Sex { M F U }
  enum Outcome { HIT @value(name: "hit") MISS @value(name: "miss") REJECT @value(name: "correct reject") ALARM @value(name: "false alarm") }
  "animals under study"
  type Subject @table @unique(fields: ["born", "note"]) {
    subject: String! @key @column(type: "varchar(40)")
    species: Species
    "as recorded: not checked"
    sex: Sex! @column(default: "U")
    born: Date
    weightG: Float @column(type: "float32")
    note: String! @column(default: "")
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
    outcome: Outcome!
    params: Blob @codec(name: "blob")
  }
  "renamed foreign keys"
  type Pairing @table {
    dam: Subject! @key @reference(columns: ["dam"]) @reverse(name: "asDam")
    sire: Subject! @key @reference(columns: ["sire"]) @reverse(name: "asSire")
    session: Session @unique
    litter: Int! @column(type: "int8", default: 0)
  }
  type Scan @table(tier: IMPORTED) {
    session: Session! @key
    frames: NdArray! @codec(name: "npy", store: "default")
    gain: Float!
  }
  type ScanStats @table(tier: COMPUTED) {
    scan: Scan! @key
    mean: Float!
  }
  type ScanStatsUnit @table(partOf: "ScanStats") {
    scanStats: ScanStats! @key
    unit: Int! @key @column(type: "int16")
    trace: Blob! @codec(name: "blob", store: "cold")
  }
  "has the hidden _prov column"
  type Feed @table { feed: Int! @key  v: Int! }`);

describe("readCatalog on the peer's tables", () => {
  it("reads columns, keys, indexes, foreign keys, comments and lineage", async () => {
    const catalog = await readCatalog(db, ["djf_lab", "djf_types"]);
    const pairing = catalog.tables.get(tableId("djf_lab", "pairing"));
    expect(pairing?.comment).toBe("renamed foreign keys");
    expect(pairing?.key).toEqual(["dam", "sire"]);
    expect(
      pairing?.columns.map((column) => [column.name, column.type, column.nullable, column.comment]),
    ).toEqual([
      ["dam", "character varying(40)", false, null],
      ["sire", "character varying(40)", false, null],
      ["subject", "character varying(40)", true, null],
      ["session_date", "date", true, null],
      ["litter", "smallint", false, ":int8:"],
    ]);
    expect(pairing?.indexes.map((index) => [index.name, index.columns, index.unique, index.plain])).toEqual([
      ["idx_pairing_sire", ["sire"], false, true],
      ["idx_pairing_subject_session_date", ["subject", "session_date"], true, true],
    ]);
    expect(
      pairing?.foreignKeys.map((key) => [key.columns, key.table, key.targetColumns, key.standard]),
    ).toEqual([
      [["dam"], "subject", ["subject"], true],
      [["sire"], "subject", ["subject"], true],
      [["subject", "session_date"], "session", ["subject", "session_date"], true],
    ]);
    expect(catalog.lineage.get("djf_lab")?.get("pairing")?.get("dam")).toBe("djf_lab.subject.subject");
    const sex = catalog.tables
      .get(tableId("djf_lab", "subject"))
      ?.columns.find((column) => column.name === "sex");
    expect(sex?.enum).toEqual({ schema: "djf_lab", name: "enum_e54fc739" });
    expect([...catalog.tables.values()].some((table) => table.name.startsWith("~"))).toBe(false);
  });
});

describe("a model of the peer's tables", () => {
  it("differs only in the guards and watches that are ours", async () => {
    const plan = await planModel(db, lab);
    expect(plan.changes.map((change) => [change.kind, change.table, change.column])).toEqual([
      ["guard", "djf_lab._scan", "frames"],
      ["guard", "djf_lab.__scan_stats__unit", "trace"],
      ...lab.entities.map(({ schema, table }) => ["watch", `${schema}.${table}`, undefined]),
    ]);
    expect(plan.destructive).toEqual([]);
  });

  it("names what is there besides, and breaks nothing by it", async () => {
    const items = (await driftOf(db, lab)).filter(
      (item) => !item.kind.startsWith("unguarded") && item.kind !== "unwatched-table",
    );
    expect(items.map((item) => [item.kind, item.table, item.column, item.breaks])).toEqual([
      ["extra-table", "djf_lab.#lab_settings", undefined, false],
      ["hidden-column", "djf_lab._scan", "_job_start_time", false],
      ["hidden-column", "djf_lab._scan", "_job_duration", false],
      ["hidden-column", "djf_lab._scan", "_job_version", false],
      ["hidden-column", "djf_lab.__scan_stats", "_job_start_time", false],
      ["hidden-column", "djf_lab.__scan_stats", "_job_duration", false],
      ["hidden-column", "djf_lab.__scan_stats", "_job_version", false],
      ["hidden-column", "djf_lab.feed", "_prov", false],
    ]);
  });

  it("guards the objects that the rows use, and then finds nothing to do", async () => {
    await applyModel(db, lab);
    const held = await db.query<{ n: number }>('SELECT count(*)::int AS n FROM "djf_lab"."~object"');
    const used = await db.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM (SELECT 'main:' || (frames ->> 'path') AS l FROM djf_lab._scan
       UNION SELECT 'cold:' || (trace ->> 'path') FROM djf_lab.__scan_stats__unit) AS locators`,
    );
    expect(held.rows[0]?.n).toBe(used.rows[0]?.n);
    expect(held.rows[0]?.n).toBeGreaterThan(3);
    expect((await planModel(db, lab)).changes).toEqual([]);
    expect((await db.query("SELECT * FROM holdfast.guard WHERE what LIKE 'djf_lab.%'")).rows).toEqual([]);
  });

  it("never drops what the peer has made, even with leave to", async () => {
    const less = model(`
      extend schema @database(schema: "djf_lab")
      "has the hidden _prov column"
      type Feed @table { feed: Int! @key }`);
    const plan = await applyModel(db, less, { allowDestructive: true });
    expect(plan.changes).toEqual([]);
    expect((await driftOf(db, less)).map((item) => item.message)).toContain(
      "Column that the model does not know: djf_lab.feed.v, which needs a value in every row",
    );
  });
});
