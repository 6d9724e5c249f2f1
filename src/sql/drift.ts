/** How the database differs from the model, as data: for reports, and for serving what matches. */

import type { Catalog } from "./catalog.ts";
import type { Change, ChangeKind } from "./change.ts";
import { compare, planTables } from "./diff.ts";
import { type Difference, readable } from "./difference.ts";
import { referenceColumn } from "./hidden.ts";
import type { WantedTable } from "./wanted.ts";

/** The ways in which a database can differ. */
type DriftKind =
  | "missing-schema"
  | "missing-table"
  | "extra-table"
  | "renamed"
  | "missing-column"
  | "extra-column"
  | "hidden-column"
  | "wrong-type"
  | "wrong-column"
  | "wrong-key"
  | "missing-index"
  | "extra-index"
  | "missing-foreign-key"
  | "extra-foreign-key"
  | "wrong-enum"
  | "extra-enum"
  | "wrong-comment"
  | "unguarded-column"
  | "unwatched-table"
  | "wrong-lineage"
  | "blocked";

/** One difference. */
export interface DriftItem {
  readonly kind: DriftKind;
  /** One line for people. */
  readonly message: string;
  /** True where the API cannot serve the table or column as the model says. */
  readonly breaks: boolean;
  readonly entity?: string;
  /** `schema.table` */
  readonly table?: string;
  readonly column?: string;
}

const kinds: Readonly<Record<ChangeKind, DriftKind>> = {
  "create-schema": "missing-schema",
  "rename-table": "renamed",
  "rename-column": "renamed",
  "drop-foreign-key": "extra-foreign-key",
  "drop-index": "extra-index",
  "drop-key": "wrong-key",
  "drop-table": "extra-table",
  "drop-column": "extra-column",
  "create-type": "wrong-enum",
  "add-column": "missing-column",
  "replace-column": "wrong-type",
  "alter-column": "wrong-column",
  "add-key": "wrong-key",
  "create-table": "missing-table",
  "add-index": "missing-index",
  "add-foreign-key": "missing-foreign-key",
  comment: "wrong-comment",
  guard: "unguarded-column",
  watch: "unwatched-table",
  lineage: "wrong-lineage",
  "drop-type": "extra-enum",
  refused: "blocked",
};

const breaking: ReadonlySet<DriftKind> = new Set([
  "missing-schema",
  "missing-table",
  "renamed",
  "missing-column",
  "wrong-type",
  "unguarded-column",
  "blocked",
]);

/** Every difference: what a plan would change, then what the model does not know. */
export function driftItems(
  tables: readonly WantedTable[],
  catalog: Catalog,
  owner: string,
): readonly DriftItem[] {
  const { difference } = compare(tables, catalog, owner);
  const planned = planTables(tables, catalog, owner).map((change) => itemOf(difference, change));
  return [
    ...planned,
    ...unknownTables(difference),
    ...difference.existing.flatMap((pair) => unknownColumns(difference, pair)),
  ];
}

function itemOf(difference: Difference, change: Change): DriftItem {
  const retyped =
    change.kind === "alter-column" &&
    difference.existing.some(
      ({ wanted }) =>
        readable(wanted) === change.table &&
        difference.converted.get(`${wanted.schema}\0${wanted.name}`)?.has(change.column ?? "") === true,
    );
  const kind = retyped ? "wrong-type" : kinds[change.kind];
  return {
    kind,
    message: `${messages[kind]}: ${change.summary}`,
    breaks: breaking.has(kind),
    ...(change.entity === undefined ? {} : { entity: change.entity }),
    ...(change.table === undefined ? {} : { table: change.table }),
    ...(change.column === undefined ? {} : { column: change.column }),
  };
}

const messages: Readonly<Record<DriftKind, string>> = {
  "missing-schema": "Schema or its lineage table is missing",
  "missing-table": "Table is missing",
  "extra-table": "Table is in the model no more",
  renamed: "Not yet renamed",
  "missing-column": "Column is missing",
  "extra-column": "Column is in the model no more",
  "hidden-column": "Hidden column that the model does not know",
  "wrong-type": "Type differs",
  "wrong-column": "Default or nullability differs",
  "wrong-key": "Primary key differs",
  "missing-index": "Index is missing",
  "extra-index": "Index is in the model no more",
  "missing-foreign-key": "Foreign key is missing",
  "extra-foreign-key": "Foreign key differs or is in the model no more",
  "wrong-enum": "Enum type is missing",
  "extra-enum": "Enum type is used no more",
  "wrong-comment": "Comment differs",
  "unguarded-column": "Values are not guarded",
  "unwatched-table": "Changes are not recorded for subscriptions",
  "wrong-lineage": "Lineage differs",
  blocked: "Cannot be made to match",
};

function unknownTables(difference: Difference): DriftItem[] {
  const schemas = new Set(difference.tables.map((table) => table.schema));
  const unknown = [...difference.catalog.tables].filter(
    ([id, table]) => schemas.has(table.schema) && !difference.byId.has(id) && !difference.dropped.has(id),
  );
  return unknown.map(([, table]) => ({
    kind: "extra-table",
    message: `Table that the model does not know: ${readable(table)}`,
    breaks: false,
    table: readable(table),
  }));
}

function unknownColumns(
  difference: Difference,
  { wanted, actual }: Difference["existing"][number],
): DriftItem[] {
  const known = new Set(
    wanted.columns.flatMap((column) => [
      column.name,
      ...(column.codec === undefined ? [] : [referenceColumn(column.name)]),
    ]),
  );
  const removed = difference.removed.get(`${wanted.schema}\0${wanted.name}`);
  const unknown = actual.columns.filter(
    (column) => !known.has(column.name) && removed?.has(column.name) !== true,
  );
  return unknown.map((column) => {
    const isHidden = column.name.startsWith("_");
    const required = !column.nullable && column.default === null && !column.generated;
    return {
      kind: isHidden ? "hidden-column" : "extra-column",
      message: `${isHidden ? messages["hidden-column"] : "Column that the model does not know"}: ${readable(wanted)}.${column.name}${required ? ", which needs a value in every row" : ""}`,
      breaks: required,
      entity: wanted.entity,
      table: readable(wanted),
      column: column.name,
    };
  });
}
