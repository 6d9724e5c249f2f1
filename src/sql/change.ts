/** One step from what the database has to what the model wants. */

/** What a change does, for reports and for the order of steps. */
export type ChangeKind =
  | "create-schema"
  | "rename-table"
  | "rename-column"
  | "drop-foreign-key"
  | "drop-index"
  | "drop-key"
  | "drop-table"
  | "drop-column"
  | "create-type"
  | "add-column"
  | "replace-column"
  | "alter-column"
  | "add-key"
  | "create-table"
  | "add-index"
  | "add-foreign-key"
  | "comment"
  | "guard"
  | "watch"
  | "lineage"
  | "drop-type"
  | "refused";

/**
 * Steps that a schema file does not ask for: they are Holdfast's own, beside tables that are as the file says. A schema that is missing
 * is never among them alone, for its tables are missing too; of one that is there it is the `~lineage`.
 */
export const additions: ReadonlySet<ChangeKind> = new Set(["guard", "watch", "lineage", "create-schema"]);

/** A step of a plan. */
export interface Change {
  readonly kind: ChangeKind;
  /** One line for people: `Add column lab.session.rig`. */
  readonly summary: string;
  /** Statements, each ended by `;` and a line break but the last. Empty for a refusal. */
  readonly sql: string;
  /** True when it removes data that the tables hold, or may change it. */
  readonly destructive: boolean;
  /** GraphQL type name; absent for what belongs to no one type. */
  readonly entity?: string;
  /** `schema.table`, where it concerns one. */
  readonly table?: string;
  readonly column?: string;
  /** A query on the database as it is before the plan: where it finds a row, the change is refused. */
  readonly check?: { readonly sql: string } & Refusal;
  /** Why the change cannot be made at all. */
  readonly refusal?: Refusal;
}

/** Why a change is refused, and what to do. */
interface Refusal {
  readonly message: string;
  readonly remedy: string;
}

/** The order in which the steps of a plan run: names first, then what is in the way, then what is new. */
const order: readonly ChangeKind[] = [
  "refused",
  "create-schema",
  "rename-table",
  "rename-column",
  "drop-foreign-key",
  "drop-index",
  "drop-key",
  "drop-table",
  "drop-column",
  "create-type",
  "replace-column",
  "add-column",
  "alter-column",
  "add-key",
  "create-table",
  "add-index",
  "add-foreign-key",
  "comment",
  "guard",
  "watch",
  "lineage",
  "drop-type",
];

/** The changes in the order they run; those of one kind stay as they were. */
export function ordered(changes: readonly Change[]): readonly Change[] {
  return order.flatMap((kind) => changes.filter((change) => change.kind === kind));
}

/** Statements as the text of one change. */
export function script(statements: readonly string[]): string {
  return statements.join(";\n");
}
