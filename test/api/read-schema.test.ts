/** The generated schema: what every entity gets, how many types that is, and collisions. */

import { isEnumType, isInputObjectType, isObjectType, printSchema, validateSchema } from "graphql";
import { describe, expect, test } from "vitest";
import { buildEntitySchema } from "../../src/api/schema.ts";
import { typeNames } from "../../src/api/schema-sdl-names.ts";
import { parseModel } from "../../src/model/parse.ts";
import { shippedRegistry } from "./laboratory.ts";

const registry = await shippedRegistry();

function build(sdl: string) {
  const model = parseModel([{ path: "schema.graphql", text: sdl }], {
    codecs: registry.facts,
    stores: new Set(["main"]),
    defaultStore: "main",
    filepathDefaultStore: "main",
  });
  return { model, ...buildEntitySchema(model, registry) };
}

const laboratory = `
  "A mouse."
  type Subject @table { "Number." subjectId: Int! @key  name: String! @unique  species: Species!  sex: Sex!  mother: Subject @reference(columns: ["mother_id"]) }
  enum Sex { M F }
  type Species @table(tier: LOOKUP) { species: String! @key @column(type: "varchar(40)") }
  type Session @table { subject: Subject! @key  sessionIdx: Int! @key  startedAt: DateTime!  traces: NdArray @codec(name: "npy", store: "default")
    files: [File!]! @codec(name: "attach", store: "default") }
  type SessionUnit @table(partOf: "Session") { session: Session! @key  unit: Int! @key }
`;

describe("the generated schema", () => {
  test("is valid, and is the one that was reviewed", async () => {
    const { schema, sdl } = build(laboratory);
    expect(validateSchema(schema)).toEqual([]);
    await expect(sdl).toMatchFileSnapshot("../golden/laboratory.sdl.graphql");
    expect(printSchema(schema).length).toBeGreaterThan(1000);
  });

  test("has at most 25 types an entity, and the same number for each", () => {
    const count = (entities: number) => {
      const types = Array.from(
        { length: entities },
        (_, i) => `type Thing${i} @table { thing${i}: Int! @key  note: String }`,
      );
      const { schema } = build(types.join("\n"));
      return Object.values(schema.getTypeMap()).length;
    };
    const each = count(3) - count(2);
    expect(count(40) - count(3)).toBe(37 * each);
    expect(each).toBeLessThanOrEqual(25);
    const { model } = build(laboratory);
    for (const entity of model.entities)
      expect(Object.keys(typeNames(entity)).length).toBeLessThanOrEqual(25);
  });

  test("columns of references are scalars beside them, but never under the reference's own name", () => {
    const { schema } = build(laboratory);
    const fields = (name: string) => {
      const type = schema.getType(name);
      return isObjectType(type) || isInputObjectType(type)
        ? Object.fromEntries(Object.values(type.getFields()).map((field) => [field.name, String(field.type)]))
        : {};
    };
    expect(fields("Session")).toMatchObject({
      subjectId: "Int!",
      subject: "Subject!",
      files: "[File!]!",
      sessionUnits: "SessionUnitConnection!",
    });
    expect(fields("Subject")).toMatchObject({ species: "Species!", mother: "Subject", motherId: "Int" });
    expect(fields("SessionKey")).toEqual({ subjectId: "Int!", sessionIdx: "Int!" });
    expect(fields("CreateSessionInput")).toMatchObject({
      subject: "SubjectReferenceInput!",
      traces: "NdArrayInput",
      files: "[FileInput!]",
    });
    expect(fields("CreateSessionChildInput")).toMatchObject({ subject: "SubjectReferenceInput" });
    expect(fields("SessionPatch")).not.toHaveProperty("sessionIdx");
    expect(fields("Query")).toHaveProperty("subjectByName");
  });

  test("an update is offered where there is anything to set, an upsert and deletes for every type", () => {
    const { schema } = build(laboratory);
    const names = Object.keys(schema.getMutationType()?.getFields() ?? {});
    const of = (pattern: RegExp) => names.filter((name) => pattern.test(name));
    expect(of(/^update/)).toEqual(["updateSubject", "updateSubjects", "updateSession", "updateSessions"]);
    expect(of(/^upsert/)).toEqual(["upsertSubject", "upsertSpecies", "upsertSession", "upsertSessionUnit"]);
    expect(of(/^delete.*s$|^delete.*List$/)).toEqual([
      "deleteSubjects",
      "deleteSpecies",
      "deleteSpeciesList",
      "deleteSessions",
      "deleteSessionUnits",
    ]);
  });

  test("names of uniques never meet", () => {
    const { schema } = build(`type Thing @table @unique(fields: ["rig", "startedAt"]) {
      thing: Int! @key  key: String! @unique  key_: Int @unique  rig: Int  startedAt: DateTime
    }`);
    const type = schema.getType("ThingUnique");
    const names = isEnumType(type) ? type.getValues().map(({ name }) => name) : [];
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(["KEY", "KEY_", "RIG_AND_STARTED_AT"]));
  });
});
