import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isServiceError } from "../../src/errors.ts";
import type { Entity, Model, ModelContext } from "../../src/model/model.ts";
import { parseModel } from "../../src/model/parse.ts";
import { testContext } from "./context.ts";

function parse(text: string, context: ModelContext = testContext): Model {
  return parseModel([{ path: "schema.graphql", text }], context);
}

function entityOf(model: Model, name: string): Entity {
  const entity = model.entity.get(name);
  if (entity === undefined) throw new Error(`no entity ${name}`);
  return entity;
}

function specs(entity: Entity): Record<string, string> {
  return Object.fromEntries(
    entity.columns.map((column) => [column.name, `${column.type.spec} ${column.type.sql}`]),
  );
}

function faultsOf(files: { path: string; text: string }[]): string[] {
  try {
    parseModel(files, testContext);
  } catch (error) {
    if (isServiceError(error, "SCHEMA_INVALID")) return error.message.split("\n");
    throw error;
  }
  return [];
}

const subject = "type Subject @table { subjectId: Int! @key }";
const laboratory = readFileSync(new URL("../fixtures/schemas/laboratory.graphql", import.meta.url), "utf8");

describe("the sample laboratory", () => {
  const model = parse(laboratory);

  it("becomes tables with DataJoint's names", () => {
    const tables = model.entities.map((entity) => [entity.name, entity.table, entity.tier, entity.plural]);
    expect(tables).toEqual([
      ["Subject", "subject", "MANUAL", "subjects"],
      ["Species", "#species", "LOOKUP", "speciesList"],
      ["Session", "session", "MANUAL", "sessions"],
      ["Recording", "_recording", "IMPORTED", "recordings"],
      ["RecordingUnit", "_recording__unit", "IMPORTED", "recordingUnits"],
    ]);
  });

  it("hands keys down through references", () => {
    const unit = entityOf(model, "RecordingUnit");
    expect(unit.key).toEqual(["subject_id", "session_idx", "unit"]);
    expect(unit.partOf).toBe("Recording");
    expect(unit.references).toMatchObject([
      {
        field: "recording",
        target: "Recording",
        inKey: true,
        nullable: false,
        unique: false,
        reverse: "recordingUnits",
        columns: [
          { column: "subject_id", target: "subject_id" },
          { column: "session_idx", target: "session_idx" },
        ],
      },
    ]);
    expect(entityOf(model, "Session").children).toEqual([
      { field: "recording", entity: "Recording", reference: "session", unique: true },
    ]);
  });

  it("gives columns their specs and types", () => {
    expect(specs(entityOf(model, "Subject"))).toEqual({
      subject_id: "int32 integer",
      name: "varchar(64) varchar(64)",
      species: "varchar(40) varchar(40)",
      sex: "enum('M','F','U') enum_e54fc739",
      birth: "date date",
      weight: "float32 real",
    });
    expect(specs(entityOf(model, "Recording"))).toMatchObject({
      traces: "<npy@main> jsonb",
      volume: "<object@main> jsonb",
      raw: "<filepath@acquisition> jsonb",
    });
    expect(specs(entityOf(model, "Session"))).toMatchObject({
      settings: "<blob> bytea",
      notes: "<attach@main> jsonb",
    });
  });

  it("hides the scalar of a reference of the same name, and shows the others", () => {
    const { columns } = entityOf(model, "Subject");
    expect(columns.find((column) => column.name === "species")).toMatchObject({
      field: "species",
      exposed: false,
      origin: "reference",
    });
    expect(entityOf(model, "Session").columns[0]).toMatchObject({ field: "subjectId", exposed: true });
  });

  it("keeps places and descriptions", () => {
    const entity = entityOf(model, "Subject");
    expect(entity.description).toBe("A mouse, rat or fly under study.");
    expect(entity.location).toEqual({ file: "schema.graphql", line: 2, column: 6 });
  });

  it("is frozen to the ground", () => {
    const entity = entityOf(model, "Subject");
    expect(
      [model, model.entities, entity, entity.columns[0], entity.columns[0]?.type].every(Object.isFrozen),
    ).toBe(true);
  });
});

describe("the version", () => {
  it("stays over comments and layout, and changes with content, codecs and stores", () => {
    const { version } = parse(subject);
    expect(version).toMatch(/^[0-9a-f]{64}$/);
    expect(parse(`# more\n\n${subject}`).version).toBe(version);
    expect(parse(subject.replace("Int!", "BigInt!")).version).not.toBe(version);
    expect(parse(`"Text" ${subject}`).version).not.toBe(version);
    expect(parse(subject, { ...testContext, stores: new Set(["main"]) }).version).not.toBe(version);
    expect(parse(subject, { ...testContext, codecs: new Map() }).version).not.toBe(version);
  });
});

describe("several files", () => {
  it("make one model, each file with its own schema", () => {
    const model = parseModel(
      [
        {
          path: "a.graphql",
          text: 'extend schema @database(schema: "neuro")\ntype Rig @table { rigId: Int! @key }',
        },
        { path: "b.graphql", text: `${subject}\ntype Use @table { rig: Rig! @key subject: Subject! @key }` },
      ],
      testContext,
    );
    expect(model.schema).toBe("neuro");
    expect(model.entities.map(({ schema, table }) => `${schema}.${table}`)).toEqual([
      "neuro.rig",
      "neuro.subject",
      "neuro.use",
    ]);
  });

  it("must say where their tables lie once two of them differ", () => {
    const file = (name: string, schema: string): { path: string; text: string } => ({
      path: `${name}.graphql`,
      text: `extend schema @database(schema: "${schema}")\ntype T${name} @table { k${name}: Int! @key }`,
    });
    expect(faultsOf([file("a", "one"), file("b", "two"), { path: "c.graphql", text: subject }])).toEqual([
      'c.graphql:1:6 The file c.graphql names no database schema, and the others name one and two. Begin it with extend schema @database(schema: "…").',
    ]);
  });

  it("tell their faults together, sorted by file and place", () => {
    const found = faultsOf([
      { path: "b.graphql", text: "type Bad @table { x: Voltage name: String }" },
      { path: "a.graphql", text: "union U = A\ntype A @table { k: Int @key\n f: Float! @key }" },
    ]);
    expect(found.map((line) => line.split(" ")[0])).toEqual([
      "a.graphql:1:7",
      "a.graphql:2:20",
      "a.graphql:3:5",
      "b.graphql:1:6",
      "b.graphql:1:22",
    ]);
  });

  it("names the lab schema where nothing else is said", () => {
    expect(parse(subject).entities[0]?.schema).toBe("lab");
    expect(parse('type A @table(schema: "other") { a: Int! @key }').entities[0]?.schema).toBe("other");
  });
});
