import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entity, Model } from "../../src/model/model.ts";
import { parseModel } from "../../src/model/parse.ts";
import { randomSchema } from "../support/random-schema.ts";
import { testContext } from "./context.ts";

const schemas = randomSchema({
  codecs: [...testContext.codecs.values()],
  stores: ["main", "cold"],
  schemas: ["lab", "shared_lab"],
});

function parse(text: string): Model {
  return parseModel([{ path: "schema.graphql", text }], testContext);
}

/** Everything that must hold between the parts of an entity. */
function checkEntity(model: Model, entity: Entity): void {
  const names = entity.columns.map((column) => column.name);
  expect(new Set(names).size).toBe(names.length);
  expect(entity.columns.slice(0, entity.key.length).map((column) => column.name)).toEqual(entity.key);
  expect(entity.columns.filter((column) => column.inKey).length).toBe(entity.key.length);
  for (const set of [...entity.uniques, ...entity.indexes]) {
    expect(set.columns.every((column) => names.includes(column))).toBe(true);
    expect(set.fields.length).toBe(set.columns.length);
  }
  for (const reference of entity.references) {
    const target = model.entity.get(reference.target);
    expect(reference.columns.map((pair) => pair.target)).toEqual(target?.key);
    expect(target?.children.filter((child) => child.field === reference.reverse)).toEqual([
      { field: reference.reverse, entity: entity.name, reference: reference.field, unique: reference.unique },
    ]);
    for (const pair of reference.columns) {
      const own = entity.columns.find((column) => column.name === pair.column);
      const theirs = target?.columns.find((column) => column.name === pair.target);
      expect(own?.type.spec).toBe(theirs?.type.spec);
    }
  }
}

describe("random schemas", () => {
  it("parse without a problem, and their parts fit together", () => {
    fc.assert(
      fc.property(schemas, (text) => {
        const model = parse(text);
        for (const entity of model.entities) checkEntity(model, entity);
      }),
      { numRuns: 200 },
    );
  });

  it("give the same model and version each time", () => {
    fc.assert(
      fc.property(schemas, (text) => {
        expect(parse(text)).toEqual(parse(text));
      }),
      { numRuns: 25 },
    );
  });

  it("hold every kind of thing now and then", () => {
    const models = fc.sample(schemas, { numRuns: 150, seed: 7 }).map(parse);
    const entities = models.flatMap((model) => model.entities);
    const references = entities.flatMap((entity) => entity.references);
    const found = {
      part: entities.some((entity) => entity.partOf !== undefined && entity.listOf === undefined),
      list: entities.some((entity) => entity.listOf !== undefined),
      tiers: new Set(entities.map((entity) => entity.tier)).size,
      nullable: references.some((reference) => reference.nullable),
      unique: references.some((reference) => reference.unique && !reference.inKey),
      self: entities.some((entity) =>
        entity.references.some((reference) => reference.target === entity.name),
      ),
      shared: entities.some((entity) => sharesColumn(entity)),
      hidden: entities.some((entity) => entity.columns.some((column) => !column.exposed)),
      enum: entities.some((entity) => entity.columns.some((column) => column.type.enum !== undefined)),
      expires: entities.some((entity) => entity.expires !== undefined),
      otherSchema: entities.some((entity) => entity.schema === "shared_lab"),
    };
    expect(found).toEqual({
      part: true,
      list: true,
      tiers: 4,
      nullable: true,
      unique: true,
      self: true,
      shared: true,
      hidden: true,
      enum: true,
      expires: true,
      otherSchema: true,
    });
  });
});

function sharesColumn(entity: Entity): boolean {
  const used = entity.references.flatMap((reference) => reference.columns.map((pair) => pair.column));
  return new Set(used).size < used.length;
}
