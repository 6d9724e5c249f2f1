/** Tables on their way from the catalog to the schema language. Private to this folder. */

import type { CatalogForeignKey, CatalogTable } from "../sql/catalog.ts";
import type { ColumnWords } from "./read-column.ts";
import type { TableName } from "./table-name.ts";

/** A table that can be said, as far as is known. */
export interface Draft {
  readonly id: string;
  readonly table: CatalogTable;
  readonly name: TableName;
  /** Words of each column that can be a field of its own. */
  readonly words: ReadonlyMap<string, ColumnWords>;
  /** Why the other visible columns cannot. */
  readonly unsaid: ReadonlyMap<string, string>;
  /** Those that can be said, as long as nothing more is found against them. */
  readonly references: readonly DraftReference[];
}

/** A foreign key as a field. */
export interface DraftReference {
  readonly key: CatalogForeignKey;
  /** Id of the target. */
  readonly target: string;
  /** In the order of the target's key. */
  readonly columns: readonly { readonly column: string; readonly target: string }[];
  readonly inKey: boolean;
  readonly nullable: boolean;
}

/** One field of the key in the making. */
export type Member =
  | { readonly kind: "column"; readonly column: string }
  | { readonly kind: "reference"; readonly reference: DraftReference };
