/** What a random schema may hold, and the seeds that it is written from. */

import type { CodecFacts } from "../../src/model/model.ts";

/** What a random schema may hold. */
export interface RandomSchemaOptions {
  /** Codecs that fields may use; none: no codec fields. */
  readonly codecs?: readonly CodecFacts[];
  /** Stores that codec fields may name beside `default`. */
  readonly stores?: readonly string[];
  /** PostgreSQL schemas; the first is the file's, some tables lie in the others. Default: `lab` alone. */
  readonly schemas?: readonly string[];
  /** Most entities, parts included; at most 12, default 6. */
  readonly maxEntities?: number;
}

/** Seed of one scalar field. */
export interface FieldSeed {
  readonly kind: number;
  readonly nullable: boolean;
  readonly unique: boolean;
  readonly hasDefault: boolean;
  readonly renamesColumn: boolean;
  readonly description: string;
}

/** Seed of one reference to an earlier entity. */
export interface ReferenceSeed {
  readonly to: number;
  readonly inKey: boolean;
  readonly nullable: boolean;
  readonly unique: boolean;
  readonly renames: boolean;
}

/** Seed of one codec field. */
export interface CodecSeed {
  readonly codec: number;
  readonly store: number;
  readonly isList: boolean;
  readonly nullable: boolean;
}

/** Seed of one entity. The writer turns any seed into something valid. */
export interface EntitySeed {
  readonly tier: "MANUAL" | "LOOKUP" | "IMPORTED" | "COMPUTED";
  readonly description: string;
  readonly keys: readonly number[];
  /** The key is one field, named as the type. */
  readonly hasNaturalKey: boolean;
  readonly fields: readonly FieldSeed[];
  readonly references: readonly ReferenceSeed[];
  readonly codecs: readonly CodecSeed[];
  readonly partOf: number | undefined;
  readonly namesTable: boolean;
  readonly otherSchema: number;
  readonly hasPairUnique: boolean;
  readonly hasPairIndex: boolean;
  readonly expires: boolean;
  readonly refersToItself: boolean;
  /** A nullable reference to a later entity: a circle. */
  readonly forward: number | undefined;
}
