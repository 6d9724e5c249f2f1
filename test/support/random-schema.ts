/**
 * Random valid schemas as SDL text, for laws such as "SDL → apply → the catalog equals the model".
 *
 * `randomSchema()` gives entities of every tier with keys of one to several columns, scalars with all specs, enums, defaults,
 * uniques, indexes, references of every kind (in the key, nullable, unique, renamed, sharing columns, to the table itself, in
 * circles), part tables, and, when codecs are given, codec fields and lists. Every text parses without a problem.
 */

import fc from "fast-check";
import { fieldWords, typeWords } from "./random-field.ts";
import type { CodecSeed, EntitySeed, FieldSeed, RandomSchemaOptions, ReferenceSeed } from "./schema-seed.ts";
import { SchemaWriter } from "./schema-writer.ts";

const nat = fc.nat({ max: 1000 });
const rarely = fc.oneof(
  { weight: 3, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
);
const description = fc.oneof(
  fc.constant(""),
  fc
    .string({ unit: "grapheme", maxLength: 30 })
    .filter((text) => !text.startsWith(":") && !text.includes("\0")),
  fc.constantFrom('a "quoted" note', "time: from the start", "it's \\ odd", "two\nlines"),
);

const fieldSeed: fc.Arbitrary<FieldSeed> = fc.record({
  kind: nat,
  nullable: fc.boolean(),
  unique: rarely,
  hasDefault: fc.boolean(),
  renamesColumn: rarely,
  description,
});

const referenceSeed: fc.Arbitrary<ReferenceSeed> = fc.record({
  to: nat,
  inKey: fc.boolean(),
  nullable: fc.boolean(),
  unique: rarely,
  renames: rarely,
});

const codecSeed: fc.Arbitrary<CodecSeed> = fc.record({
  codec: nat,
  store: nat,
  isList: rarely,
  nullable: fc.boolean(),
});

const entitySeed: fc.Arbitrary<EntitySeed> = fc.record({
  tier: fc.constantFrom("MANUAL", "LOOKUP", "IMPORTED", "COMPUTED"),
  description,
  keys: fc.array(nat, { minLength: 1, maxLength: 3 }),
  hasNaturalKey: rarely,
  fields: fc.array(fieldSeed, { maxLength: fieldWords.length }),
  references: fc.array(referenceSeed, { maxLength: 3 }),
  codecs: fc.array(codecSeed, { maxLength: 3 }),
  partOf: fc.option(nat, { nil: undefined, freq: 2 }),
  namesTable: rarely,
  otherSchema: nat,
  hasPairUnique: rarely,
  hasPairIndex: rarely,
  expires: rarely,
  refersToItself: rarely,
  forward: fc.option(nat, { nil: undefined, freq: 4 }),
});

const enumSeed = fc.array(fc.boolean(), { minLength: 1, maxLength: 4 });

/** Texts of valid schemas. Shrinks towards one table with one key. */
export function randomSchema(options: RandomSchemaOptions = {}): fc.Arbitrary<string> {
  const maxEntities = Math.min(options.maxEntities ?? 6, typeWords.length);
  return fc
    .record({
      names: fc.shuffledSubarray([...typeWords], { minLength: maxEntities, maxLength: maxEntities }),
      entities: fc.array(entitySeed, { minLength: 1, maxLength: maxEntities }),
      enums: fc.array(enumSeed, { maxLength: 2 }),
    })
    .map(({ names, entities, enums }) => new SchemaWriter(options, { names, enums }).write(entities));
}
