/** What a database has, in the words of the schema language: `describe.ts` makes it, `print.ts` writes it. Plain data. */

import type { Tier } from "../model/model.ts";

/** Tables and enums of some schemas. */
export interface Description {
  /** In the order that was asked for; the first is the file's own. */
  readonly schemas: readonly string[];
  /** Parents before those that refer to them, parts behind their master. */
  readonly tables: readonly DescribedTable[];
  readonly enums: readonly DescribedEnum[];
  readonly notes: readonly Note[];
}

/** Something that the schema language has no word for, or another word than one would expect. */
export interface Note {
  /** `schema.table` */
  readonly table: string;
  readonly column?: string;
  /** One line for people. */
  readonly message: string;
}

export interface DescribedEnum {
  readonly name: string;
  readonly values: readonly { readonly name: string; readonly stored: string }[];
}

export interface DescribedTable {
  /** GraphQL type name. */
  readonly entity: string;
  readonly schema: string;
  readonly tier: Tier;
  /** Type name of the master. */
  readonly partOf?: string;
  /** `@table(name:)`, where the type's name does not give the stored one. */
  readonly tableName?: string;
  readonly plural?: string;
  readonly description: string;
  readonly fields: readonly DescribedField[];
  /** Of several fields; those of one stand on the field. */
  readonly uniques: readonly (readonly string[])[];
  readonly indexes: readonly (readonly string[])[];
  /** Remarks that stand in the type as comments. */
  readonly remarks: readonly string[];
}

/** A field with everything that is written behind its name. */
export interface DescribedField {
  readonly name: string;
  /** GraphQL type without `!`. */
  readonly type: string;
  readonly nullable: boolean;
  readonly inKey: boolean;
  readonly unique: boolean;
  readonly description: string;
  readonly column?: {
    readonly name?: string;
    readonly type?: string;
    readonly native?: string;
    readonly default?: string;
  };
  readonly codec?: { readonly name: string; readonly store?: string };
  /** Own columns of a reference, where they are not named for the target's key. */
  readonly columns?: readonly string[];
  readonly reverse?: string;
}
