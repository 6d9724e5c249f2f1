/** What is in the database, as plain data: `src/db/catalog.ts` reads it, `diff.ts` compares it with the model. */

/** The tables of some schemas, and what they stand on. */
export interface Catalog {
  /** Schemas that exist. */
  readonly schemas: ReadonlySet<string>;
  /** By `tableId(schema, name)`. Internal tables (`~…`) are not among them. */
  readonly tables: ReadonlyMap<string, CatalogTable>;
  readonly enums: readonly CatalogEnum[];
  /** Foreign keys to these tables from tables of other schemas, and from internal ones. */
  readonly outside: readonly { readonly table: string; readonly from: string; readonly name: string }[];
  /** Rows of `~lineage`, table → column → origin, by schema; a schema without `~lineage` is absent. */
  readonly lineage: ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, string>>>;
  /** Names of all tables, indexes, views and sequences of the schemas, by schema. */
  readonly names: ReadonlyMap<string, ReadonlySet<string>>;
  /** What earlier applies have made. */
  readonly made: readonly MadeTable[];
}

export interface CatalogTable {
  readonly schema: string;
  readonly name: string;
  /** `view` for anything that is not a plain or partitioned table. */
  readonly kind: "table" | "view";
  readonly comment: string;
  /** In table order, hidden ones included. */
  readonly columns: readonly CatalogColumn[];
  readonly key: readonly string[];
  /** Name of the primary key's constraint. */
  readonly keyName: string | undefined;
  /** Without the primary key's. */
  readonly indexes: readonly CatalogIndex[];
  /** Outgoing, to any schema. */
  readonly foreignKeys: readonly CatalogForeignKey[];
  /** Names of CHECK constraints. */
  readonly checks: readonly string[];
  readonly triggers: readonly string[];
}

export interface CatalogColumn {
  readonly name: string;
  /** As `comparableType` gives it; enum types quoted and qualified. */
  readonly type: string;
  /** Set where the type is an enum. */
  readonly enum: { readonly schema: string; readonly name: string } | undefined;
  readonly nullable: boolean;
  /** Expression as PostgreSQL prints it; null = none. */
  readonly default: string | null;
  readonly comment: string | null;
  readonly generated: boolean;
}

export interface CatalogIndex {
  readonly name: string;
  /** Empty where an expression is indexed. */
  readonly columns: readonly string[];
  readonly unique: boolean;
  /** False for partial indexes, and for those of expressions or another kind than btree. */
  readonly plain: boolean;
  /** True where a constraint stands on it. */
  readonly isConstraint: boolean;
}

export interface CatalogForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly schema: string;
  readonly table: string;
  readonly targetColumns: readonly string[];
  /** True for ON UPDATE CASCADE ON DELETE RESTRICT, enforced at once. */
  readonly standard: boolean;
}

export interface CatalogEnum {
  readonly schema: string;
  readonly name: string;
  readonly labels: readonly string[];
  /** Columns of this type anywhere in the database, as `tableId` and column. */
  readonly users: readonly { readonly table: string; readonly column: string }[];
}

/** What applies of one schema file have made of one table; anything else is not ours to drop. */
export interface MadeTable {
  /** `@database(schema:)` of the file. */
  readonly owner: string;
  readonly schema: string;
  readonly table: string;
  /** GraphQL type name. */
  readonly entity: string;
  /** True when we created the table, false when it was there and we only added to it. */
  readonly whole: boolean;
  readonly columns: readonly string[];
  /** As `indexMark` gives them. */
  readonly indexes: readonly string[];
  /** As `foreignKeyMark` gives them. */
  readonly foreignKeys: readonly string[];
}
