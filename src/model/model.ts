/** The Model: `schema.graphql` parsed and checked. Frozen, plain data; the API, the tables and the plans are all made from it. */

/** How the rows of a table come to be; DataJoint's tiers. Decides the prefix of the stored name. */
export type Tier = "MANUAL" | "LOOKUP" | "IMPORTED" | "COMPUTED";

/** A whole schema file, checked. */
export interface Model {
  /** PostgreSQL schema of tables that name no other (`@database(schema:)`, default `lab`). */
  readonly schema: string;
  /** In the order of the file; parts made from codec lists follow their master. */
  readonly entities: readonly Entity[];
  readonly enums: readonly EnumType[];
  readonly entity: ReadonlyMap<string, Entity>;
  readonly enum: ReadonlyMap<string, EnumType>;
  /** Hash of the text, the codecs and the stores it was checked against: changes whenever a plan could. */
  readonly version: string;
}

/** An enum type; `stored` is the text in the table where it is no GraphQL name (`@value`). */
export interface EnumType {
  readonly name: string;
  readonly description: string;
  readonly values: readonly {
    readonly name: string;
    readonly stored: string;
    readonly description: string;
  }[];
}

/** One object type with `@table`: one table. */
export interface Entity {
  /** GraphQL type name, for example `Session`. */
  readonly name: string;
  /** Field name of one row: `session`. */
  readonly singular: string;
  /** Field name of the list: `sessions`. */
  readonly plural: string;
  readonly description: string;
  readonly schema: string;
  /** Stored table name with its tier prefix: `session`, `#species`, `_scan`, `session__trial`. */
  readonly table: string;
  readonly tier: Tier;
  /** Name of the master entity, for part tables. */
  readonly partOf?: string;
  /** Set on the part table made for a list of codec values; it has no root fields of its own. */
  readonly listOf?: { readonly entity: string; readonly field: string };
  /** Every column in table order, those of references included. */
  readonly columns: readonly Column[];
  /** Outgoing references, in the order of the file. */
  readonly references: readonly Reference[];
  /** References of others that point here; those of list parts (`listOf`) too, under the list's field name. */
  readonly children: readonly Child[];
  /** Lists of codec values, each kept in a part table. */
  readonly lists: readonly CodecList[];
  /** GraphQL fields in the order of the file, for SDL and for reading aloud. */
  readonly fields: readonly FieldOrder[];
  /** Column names of the primary key, in order. Never empty. */
  readonly key: readonly string[];
  readonly uniques: readonly ColumnSet[];
  readonly indexes: readonly ColumnSet[];
  /** Column of the DateTime field after which a row may be removed. */
  readonly expires?: string;
  /** Type name this entity had before (`@renamedFrom`). */
  readonly renamedFrom?: string;
  /** Stored table name it had before, derived from `renamedFrom`. */
  readonly renamedFromTable?: string;
  readonly location: Location;
}

/** A named group of columns: a unique or an index. */
export interface ColumnSet {
  readonly columns: readonly string[];
  /** GraphQL field names, same order, for `subjectByName`. */
  readonly fields: readonly string[];
}

export type FieldOrder =
  | { readonly kind: "column"; readonly name: string; readonly column: string }
  | { readonly kind: "reference"; readonly name: string }
  | { readonly kind: "list"; readonly name: string };

/** One column of a table. */
export interface Column {
  /** Stored name. */
  readonly name: string;
  /** GraphQL field of the scalar: `startedAt`, and `subjectId` for a column of the reference `subject`. */
  readonly field: string;
  /** False where no scalar field is generated because the reference itself has that name. */
  readonly exposed: boolean;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** As DataJoint writes it: the literal's text, or `CURRENT_TIMESTAMP`, or null for `DEFAULT NULL`. Absent: none. */
  readonly default?: string | null;
  readonly inKey: boolean;
  /** `attribute`: declared by a field; `reference`: made by one (no comment, type of the target's column). */
  readonly origin: "attribute" | "reference";
  readonly description: string;
  /** Stored name before a rename. */
  readonly renamedFrom?: string;
  readonly location: Location;
}

/** What a column holds. */
export interface ColumnType {
  /** DataJoint's spec, as it stands in the column comment: `int32`, `enum('M','F')`, `<npy@main>`. Of a native type its own name. */
  readonly spec: string;
  /** PostgreSQL type text, without schema: `integer`, `varchar(64)`, `jsonb`; for enums the type's name `enum_1a2b3c4d`. */
  readonly sql: string;
  /** GraphQL scalar, enum or codec output type: `Int`, `Sex`, `NdArray`. */
  readonly graphql: string;
  /** Set for enum columns: name of the model's enum. */
  readonly enum?: string;
  /** Set for enum columns: PostgreSQL schema of the type `sql`, that of the table which declares the attribute, or of `@column(native:)`. */
  readonly enumSchema?: string;
  /** True for PostgreSQL's own types (`@column(native:)`): the comment carries no spec. */
  readonly native?: true;
  /** Set for codec columns. */
  readonly codec?: CodecUse;
  /** Set for lists of scalars, stored as json: the GraphQL element type and whether elements may be null. */
  readonly list?: { readonly element: string; readonly elementNullable: boolean };
}

/** A codec as used by one field. */
export interface CodecUse {
  readonly name: string;
  /** Resolved store name; absent = in the row. */
  readonly store?: string;
  /** True when the store is the default one (comments `<x@>` and `<x@NAME>` are then equal). */
  readonly isDefaultStore: boolean;
  /** True for references to the users' own files ({@link CodecFacts.external}): no foreign key, a CHECK instead. Absent: only `filepath` is. */
  readonly external?: boolean;
  /** True where the codec is known and not loaded: then a value may be null in answers although its column is not. */
  readonly unloaded?: boolean;
  readonly args: Readonly<Record<string, unknown>>;
}

/** A foreign key, seen from the table that holds it. */
export interface Reference {
  /** GraphQL field: `subject`. */
  readonly field: string;
  readonly target: string;
  /** Pairs of own column and the target's key column, in the order of the target's key. */
  readonly columns: readonly { readonly column: string; readonly target: string }[];
  readonly inKey: boolean;
  readonly nullable: boolean;
  /** Set where a row rule can hide the target: then the reference reads as null although the row has one. */
  readonly hideable?: boolean;
  /** True when at most one row may refer to one target row (a unique on it, or it is the whole key). */
  readonly unique: boolean;
  /** Field on the target that leads back here. */
  readonly reverse: string;
  readonly description: string;
  readonly location: Location;
}

/** A foreign key, seen from its target. */
export interface Child {
  /** GraphQL field on the target: `sessions`, or `session` when `unique`. */
  readonly field: string;
  readonly entity: string;
  /** Field name of the reference on that entity. */
  readonly reference: string;
  readonly unique: boolean;
}

/** A list of codec values (`[File!]!`), kept in the part table `entity` as `(key…, idx, value)`. */
export interface CodecList {
  readonly field: string;
  readonly entity: string;
  readonly description: string;
}

/** A place in a schema file; lines and columns count from 1. */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What the checks need to know about a codec; `src/codec/registry.ts` gives it. */
export interface CodecFacts {
  readonly name: string;
  /** GraphQL output type: `NdArray`. */
  readonly output: string;
  /** PostgreSQL type without a store (`bytea`, `jsonb`); absent: the codec needs a store. */
  readonly row?: string;
  /** PostgreSQL type with a store; absent: the codec cannot use one. */
  readonly store?: string;
  /** True for references to files that the user owns: no foreign key, `filepath_default` as default store. */
  readonly external: boolean;
  /** `args` of `@codec` that it takes, as SDL: `rate: Float! = 30000`; absent: none. */
  readonly args?: string;
  /** SDL of the types that `args` may name; only its enums count. */
  readonly argTypes?: string;
  /** What the comment of its columns names instead of it, by placement: a core type in the row, a codec of DataJoint's in a store. */
  readonly peer?: { readonly row?: string; readonly store?: string };
}

/** What a schema file is checked against. */
export interface ModelContext {
  readonly codecs: ReadonlyMap<string, CodecFacts>;
  /** Names of all configured stores. */
  readonly stores: ReadonlySet<string>;
  readonly defaultStore: string | undefined;
  readonly filepathDefaultStore: string | undefined;
  /** GraphQL type names that the codecs bring (`CodecRegistry.typeNames`): reserved beside the outputs. */
  readonly typeNames?: ReadonlySet<string>;
  /** Names of codecs that are known and not loaded; a field of theirs may also be declared as `Opaque`. */
  readonly missingCodecs?: ReadonlySet<string>;
  /** What else there is to say of a codec that is not known: that its file is broken, for one. */
  readonly codecHint?: (name: string) => string;
}

/** One fault found by the checks. */
export interface Problem {
  readonly message: string;
  readonly remedy: string;
  readonly location: Location;
}
