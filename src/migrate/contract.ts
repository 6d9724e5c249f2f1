/** What a change of codecs stands on, and what is told of it. */

import type { CodecLookup } from "../codec/chain.ts";
import type { SchemaPlan } from "../db/apply.ts";
import type { Database, Transaction } from "../db/contract.ts";
import type { Model } from "../model/model.ts";
import type { ObjectReaderFactory, ObjectWriter } from "../object/contract.ts";

/** Parts of the service that values are moved with. */
export interface MigrateServices {
  readonly db: Database;
  readonly codecs: CodecLookup;
  readonly objects: { readonly writer: ObjectWriter; readonly reader: ObjectReaderFactory };
}

/** A schema file that is to be followed, and the one that is served until then. */
export interface Versions {
  readonly served: Model;
  readonly wanted: Model;
}

/** The schema file in service, as the change of codecs needs it. */
export interface ServedSchema {
  versions(): Promise<Versions>;
  /** Serves the file as it is now when `change` has brought the tables there; nothing else changes the schema meanwhile. */
  exchange(change: (wanted: Model) => Promise<SchemaPlan>): Promise<void>;
}

/** A row whose value cannot be taken over. */
export interface MoveFailure {
  /** Key columns and their texts. */
  readonly key: Readonly<Record<string, string>>;
  readonly message: string;
}

/** How far one field is. */
export interface MoveState {
  readonly id: string;
  /** GraphQL type, and stored names. */
  readonly entity: string;
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  /** `<blob>`, `<npy@main>`. */
  readonly from: string;
  readonly to: string;
  /**
   * `copying`: both columns are there, the old one is served; `swapped`: the new one is, and the old values are kept in a hidden column; `dropped`:
   * they are gone; `abandoned`: the copies are gone.
   */
  readonly state: "copying" | "swapped" | "dropped" | "abandoned";
  /** Values that were copied, those of rows that have changed since too. */
  readonly copied: string;
  /** Rows whose values cannot be taken over, the first of them by name. */
  readonly failed: string;
  readonly failures: readonly MoveFailure[];
  /** Why the last run ended before the swap. */
  readonly error: string | null;
  readonly begunAt: Date;
  readonly swappedAt: Date | null;
}

/** A field that `begin` would change. */
export interface PlannedMove
  extends Pick<MoveState, "entity" | "schema" | "table" | "column" | "from" | "to"> {
  /** Values there are now. */
  readonly values: string;
  readonly sql: string;
  /** Why it cannot be done. */
  readonly obstacle: string | null;
}

/** Which values are to be moved beside those whose codec changes. */
export interface MoveScope {
  /** Those that lie in another store than their field's. */
  readonly stores: boolean;
}

/** A transaction or the pool. */
export type Sql = Pick<Transaction, "query">;
