/** What the model wants of the database, as plain data: `table.ts` makes it, `ddl.ts` writes it, `diff.ts` compares it. */

/** One table as the model wants it. */
export interface WantedTable {
  /** GraphQL type name. */
  readonly entity: string;
  readonly schema: string;
  readonly name: string;
  readonly comment: string;
  readonly columns: readonly WantedColumn[];
  readonly key: readonly string[];
  readonly indexes: readonly WantedIndex[];
  readonly foreignKeys: readonly WantedForeignKey[];
  /** Origin of each column of a key or a reference, by column. */
  readonly lineage: ReadonlyMap<string, string>;
  /** Stored name before a rename. */
  readonly renamedFrom: string | undefined;
  /** Type name before a rename. */
  readonly renamedFromEntity: string | undefined;
  /** Stored name of the master, for part tables. */
  readonly master: string | undefined;
}

/** One column as the model wants it. */
export interface WantedColumn {
  readonly name: string;
  /** Type as written in DDL; enum types qualified by their own schema. */
  readonly type: string;
  /** Type in the one form that {@link comparableType} gives. */
  readonly comparable: string;
  readonly enum: WantedEnum | undefined;
  readonly nullable: boolean;
  /** As in the model: text of the literal, `CURRENT_TIMESTAMP…`, null for `DEFAULT NULL`. */
  readonly default: string | null | undefined;
  /** Comment as stored; null = none. */
  readonly comment: string | null;
  readonly isReference: boolean;
  readonly codec: WantedCodec | undefined;
  readonly renamedFrom: string | undefined;
}

/** What the tables need to know of a codec column. */
export interface WantedCodec {
  readonly name: string;
  /** Absent: the value lies in the row. */
  readonly store: string | undefined;
  readonly isDefaultStore: boolean;
  /** References to the users' own files: no foreign key, a CHECK instead. */
  readonly external: boolean;
}

export interface WantedEnum {
  readonly schema: string;
  readonly name: string;
  /** Stored texts in the order of the model. */
  readonly labels: readonly string[];
}

export interface WantedIndex {
  readonly columns: readonly string[];
  readonly unique: boolean;
  /** Set where only a foreign key asks for it. */
  readonly supports?: true;
}

export interface WantedForeignKey {
  readonly columns: readonly string[];
  readonly schema: string;
  readonly table: string;
  readonly targetColumns: readonly string[];
}

/** The key by which tables are found: schema and name, which may both hold any character but NUL. */
export function tableId(schema: string, name: string): string {
  return `${schema}\0${name}`;
}
