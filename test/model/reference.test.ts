import { describe, expect, it } from "vitest";
import type { Entity } from "../../src/model/model.ts";
import { parseModel } from "../../src/model/parse.ts";
import { testContext } from "./context.ts";

function entitiesOf(text: string): Record<string, Entity> {
  const model = parseModel([{ path: "schema.graphql", text }], testContext);
  return Object.fromEntries(model.entities.map((entity) => [entity.name, entity]));
}

function pairs(entity: Entity | undefined, field: string): string[] {
  const reference = entity?.references.find((each) => each.field === field);
  return reference?.columns.map(({ column, target }) => `${column} → ${target}`) ?? [];
}

const subject = "type Subject @table { subjectId: Int! @key name: String @unique }";

describe("references", () => {
  it("to one target twice take columns and reverse names of their own", () => {
    const { Pairing, Subject } = entitiesOf(`${subject}
      type Pairing @table {
        dam: Subject! @key @reference(columns: ["dam"]) @reverse(name: "asDam")
        sire: Subject! @key @reference(columns: ["sire"]) @reverse(name: "asSire")
      }`);
    expect(Pairing?.key).toEqual(["dam", "sire"]);
    expect(pairs(Pairing, "sire")).toEqual(["sire → subject_id"]);
    expect(Pairing?.columns.map((column) => column.exposed)).toEqual([false, false]);
    expect(Subject?.children.map((child) => child.field)).toEqual(["asDam", "asSire"]);
  });

  it("may be null, and then default to null", () => {
    const { Note } = entitiesOf(`${subject} type Note @table { noteId: Int! @key about: Subject }`);
    expect(Note?.columns[1]).toMatchObject({
      name: "subject_id",
      nullable: true,
      default: null,
      inKey: false,
    });
    expect(Note?.references[0]).toMatchObject({ nullable: true, unique: false, reverse: "notes" });
  });

  it("share a column of equal type, which is in the key if one of them is", () => {
    const { Trial } = entitiesOf(`${subject}
      type Session @table { subject: Subject! @key idx: Int! @key }
      type Rack @table { subject: Subject! @key slot: Int! @key }
      type Trial @table { rack: Rack session: Session! @key trial: Int! @key }`);
    expect(Trial?.columns.map(({ name, nullable, inKey }) => [name, nullable, inKey])).toEqual([
      ["subject_id", false, true],
      ["idx", false, true],
      ["trial", false, true],
      ["slot", true, false],
    ]);
    expect(pairs(Trial, "rack")).toEqual(["subject_id → subject_id", "slot → slot"]);
  });

  it("to themselves and in circles work where null may end them", () => {
    const { Area, A, B } = entitiesOf(`
      type Area @table { areaId: Int! @key parent: Area @reference(columns: ["parent_id"]) @reverse(name: "parts") }
      type A @table { a: Int! @key last: B @reference(columns: ["last_b"]) @reverse(name: "lastOf") }
      type B @table { b: Int! @key owner: A! }`);
    expect(Area?.children).toEqual([{ field: "parts", entity: "Area", reference: "parent", unique: false }]);
    expect(pairs(A, "last")).toEqual(["last_b → b"]);
    expect(pairs(B, "owner")).toEqual(["a → a"]);
  });

  it("are unique with a unique on them, or as the whole key, and then lead back to one", () => {
    const { Birth, Subject } = entitiesOf(`${subject}
      type Birth @table { subject: Subject! @key day: Date }
      type Tag @table { tagId: Int! @key subject: Subject! @unique }
      type Weight @table @unique(fields: ["subject", "day"]) { n: Int! @key subject: Subject! day: Date! }`);
    expect(Birth?.references[0]).toMatchObject({ unique: true, reverse: "birth" });
    expect(Subject?.children.map(({ field, unique }) => [field, unique])).toEqual([
      ["birth", true],
      ["tag", true],
      ["weights", false],
    ]);
  });

  it("lose the precision of timestamps and keep enums where they were declared", () => {
    const { Child } = entitiesOf(`enum Sex { M F }
      type Parent @table(schema: "other") { at: DateTime! @key @column(type: "datetime(3)") sex: Sex! @key }
      type Child @table { parent: Parent! @key n: Int! @key }`);
    expect(Child?.columns[0]?.type).toMatchObject({ spec: "datetime(3)", sql: "timestamp" });
    expect(Child?.columns[1]?.type).toMatchObject({ enum: "Sex", enumSchema: "other" });
  });

  it("give no reserved scalar names", () => {
    const { Child } = entitiesOf(`type Parent @table { rowId: Int! @key @column(name: "id") }
      type Child @table { parent: Parent! @key }`);
    expect(Child?.columns[0]).toMatchObject({ name: "id", field: "rowId", exposed: true });
  });
});

describe("keys", () => {
  it("come first among the columns, in their own order", () => {
    const { T } = entitiesOf(
      `${subject} type T @table { note: String b: Int! @key subject: Subject! @key a: Int! @key }`,
    );
    expect(T?.columns.map((column) => column.name)).toEqual(["b", "subject_id", "a", "note"]);
    expect(T?.key).toEqual(["b", "subject_id", "a"]);
    expect(T?.fields.map((field) => field.name)).toEqual(["note", "b", "subject", "a"]);
  });
});

describe("parts", () => {
  it("drop the master's name and take its tier and prefix", () => {
    const all = entitiesOf(`
      type ScanStats @table(tier: COMPUTED) { scan: Int! @key }
      type ScanStatsUnit @table(partOf: "ScanStats") { stats: ScanStats! @key unit: Int! @key }
      type Alias @table(partOf: "ScanStats") { stats: ScanStats! @key name: String! @key }
      type ScanStats2 @table(partOf: "ScanStats", name: "second") { stats: ScanStats! @key k: Int! @key }`);
    expect(Object.values(all).map(({ table, tier }) => [table, tier])).toEqual([
      ["__scan_stats", "COMPUTED"],
      ["__scan_stats__unit", "COMPUTED"],
      ["__scan_stats__alias", "COMPUTED"],
      ["__scan_stats__second", "COMPUTED"],
    ]);
  });

  it("follow the rename of their master", () => {
    const { RunUnit, Run, Alias } = entitiesOf(`
      type Run @table(tier: IMPORTED) @renamedFrom(name: "Scan") { run: Int! @key }
      type RunUnit @table(partOf: "Run") @renamedFrom(name: "ScanUnit") { parent: Run! @key unit: Int! @key }
      type Alias @table(partOf: "Run") { parent: Run! @key unit: Int! @key }`);
    expect(Run).toMatchObject({ table: "_run", renamedFrom: "Scan", renamedFromTable: "_scan" });
    expect(RunUnit).toMatchObject({ table: "_run__unit", renamedFromTable: "_scan__unit" });
    expect(Alias).toMatchObject({ table: "_run__alias", renamedFromTable: "_scan__alias" });
  });

  it("hold the values of codec lists, one a row", () => {
    const all = entitiesOf(`${subject}
      type Session @table { subject: Subject! @key idx2: Int! @key files: [File!]! @codec(name: "attach", store: "main") }
      type SessionRun @table(partOf: "Session") {
        session: Session! @key run: Int! @key "pictures" frames: [NdArray!]! @codec(name: "npy", store: "cold")
      }`);
    expect(all["Session"]?.lists).toEqual([{ field: "files", entity: "SessionFiles", description: "" }]);
    expect(all["SessionFiles"]).toMatchObject({
      table: "session__files",
      partOf: "Session",
      listOf: { entity: "Session", field: "files" },
      key: ["subject_id", "idx2", "idx"],
    });
    expect(all["SessionFiles"]?.columns.at(-1)).toMatchObject({
      name: "value",
      type: { spec: "<attach@main>" },
    });
    expect(all["SessionRunFrames"]).toMatchObject({
      table: "session__run_frames",
      partOf: "Session",
      listOf: { entity: "SessionRun", field: "frames" },
      key: ["subject_id", "idx2", "run", "idx"],
    });
    expect(all["Session"]?.children.map((child) => child.field)).toEqual(["files", "sessionRuns"]);
  });
});

describe("uniques and indexes", () => {
  it("name columns and fields side by side", () => {
    const { T } = entitiesOf(`${subject}
      type T @table @unique(fields: ["subject", "label"]) @index(fields: ["label"]) @index(fields: ["subjectId", "label"]) {
        k: Int! @key subject: Subject! label: String! @unique
      }`);
    expect(T?.uniques).toEqual([
      { columns: ["subject_id", "label"], fields: ["subjectId", "label"] },
      { columns: ["label"], fields: ["label"] },
    ]);
    expect(T?.indexes.map((set) => set.columns)).toEqual([["label"], ["subject_id", "label"]]);
  });

  it("stand beside the column after which rows expire", () => {
    const { T } = entitiesOf('type T @table(expires: "keptUntil") { k: Int! @key keptUntil: DateTime }');
    expect(T?.expires).toBe("kept_until");
  });
});

describe("renames", () => {
  it("of a key's column reach the tables that refer to it", () => {
    const { Child } = entitiesOf(`
      type Parent @table { parentNo: Int! @key @renamedFrom(name: "parentId") }
      type Child @table { parent: Parent! @key n: Int! @key }`);
    expect(Child?.columns[0]).toMatchObject({ name: "parent_no", renamedFrom: "parent_id" });
  });
});
