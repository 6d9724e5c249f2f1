/** The list of reserved names is whole: whatever the API makes of a model is on it. */

import { buildASTSchema, isIntrospectionType, parse } from "graphql";
import { describe, expect, it } from "vitest";
import { schemaSdl } from "../../src/api/schema-sdl.ts";
import { loadCodecs } from "../../src/codec/load.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import type { ModelContext } from "../../src/model/model.ts";
import { uniqueFieldName } from "../../src/model/naming.ts";
import { parseModel } from "../../src/model/parse.ts";
import {
  entityTypeNames,
  enumTypeNames,
  reservedFieldNames,
  reservedRootFields,
  reservedTypeNames,
  rootFieldNames,
} from "../../src/model/reserved.ts";

const registry = createRegistry(await loadCodecs([new URL("../../codecs/", import.meta.url).pathname]));
const context: ModelContext = {
  codecs: registry.facts,
  stores: new Set(["main"]),
  defaultStore: "main",
  filepathDefaultStore: "main",
  typeNames: registry.typeNames,
};
const model = parseModel(
  [
    {
      path: "schema.graphql",
      text: `enum Sex { M F }
        type Subject @table { subjectId: Int! @key name: String! @unique sex: Sex born: Date weight: Float price: BigInt }
        type Session @table @unique(fields: ["subject", "at"]) {
          subject: Subject! @key number: Int! @key at: DateTime! traces: NdArray @codec(name: "npy", store: "main")
          files: [NdArray!]! @codec(name: "npy", store: "main") tags: [String!]!
        }
        type SessionUnit @table(partOf: "Session") { session: Session! @key unit: Int! @key }`,
    },
  ],
  context,
);
const schema = buildASTSchema(parse(schemaSdl(model, registry)));
const rooted = model.entities.filter((entity) => entity.listOf === undefined);

describe("reserved names", () => {
  it("cover every type of the generated schema", () => {
    const known = new Set([
      ...reservedTypeNames(context),
      ...rooted.flatMap((entity) => [entity.name, ...entityTypeNames(entity.name, entity.plural)]),
      ...model.enums.flatMap((type) => [type.name, ...enumTypeNames(type.name)]),
    ]);
    const made = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type));
    expect(made.map((type) => type.name).filter((name) => !known.has(name))).toEqual([]);
  });

  it("cover every root field", () => {
    const known = new Set([
      ...reservedRootFields,
      ...rooted.flatMap((entity) => [
        ...rootFieldNames(entity),
        ...entity.uniques.map((set) => uniqueFieldName(entity.singular, set.fields)),
      ]),
    ]);
    const fields = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
      Object.keys(type?.getFields() ?? {}),
    );
    expect(fields.filter((name) => !known.has(name))).toEqual([]);
  });

  it("cover the fields that every row has", () => {
    const own = new Set(
      rooted.find((entity) => entity.name === "Subject")?.fields.map((field) => field.name),
    );
    const type = schema.getType("Subject");
    const fields = type !== undefined && "getFields" in type ? Object.keys(type.getFields()) : [];
    const added = fields.filter((name) => !own.has(name) && name !== "sessions");
    expect(added.length).toBeGreaterThan(0);
    expect(added.filter((name) => !reservedFieldNames.has(name))).toEqual([]);
  });
});
