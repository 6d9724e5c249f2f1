/** Half-made entities: names and types are checked, references are not followed yet. Private to this folder. */

import type { FieldDefinitionNode, ObjectTypeDefinitionNode } from "graphql";
import type { DirectiveUses } from "./directive.ts";
import type { ColumnType, EnumType, ModelContext, Tier } from "./model.ts";
import type { Problems } from "./problems.ts";

interface FieldBase {
  readonly name: string;
  /** How messages call it: `Field Subject.name`. */
  readonly label: string;
  readonly node: FieldDefinitionNode;
  readonly uses: DirectiveUses;
  readonly description: string;
  /** Field name before a rename. */
  readonly renamedFrom?: string;
}

/** A field with a column of its own. */
export interface AttributeDraft extends FieldBase {
  readonly kind: "attribute";
  readonly column: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  readonly default?: string | null;
  readonly inKey: boolean;
}

/** A field that leads to another entity. */
export interface ReferenceDraft extends FieldBase {
  readonly kind: "reference";
  readonly target: string;
  readonly columnNames?: readonly string[];
  readonly nullable: boolean;
  readonly inKey: boolean;
  readonly reverse?: string;
}

/** A list of codec values. */
export interface ListDraft extends FieldBase {
  readonly kind: "list";
  /** Type of the `value` column. */
  readonly type: ColumnType;
}

export type FieldDraft = AttributeDraft | ReferenceDraft | ListDraft;

/** One `type … @table`. */
export interface EntityDraft {
  readonly name: string;
  readonly label: string;
  readonly node: ObjectTypeDefinitionNode;
  readonly uses: DirectiveUses;
  readonly description: string;
  readonly schema: string;
  readonly tier: Tier;
  readonly partOf?: string;
  /** `@table(name:)`. */
  readonly tableName?: string;
  readonly singular: string;
  readonly plural: string;
  readonly renamedFrom?: string;
  /** Sound fields, in the order of the file. */
  readonly fields: readonly FieldDraft[];
  /** All names written, those of faulty fields included: so that one fault is told once. */
  readonly fieldNames: ReadonlySet<string>;
  /** Whether a `@key` is written, on a sound field or not. */
  readonly hasKey: boolean;
  /** Whether a field with `@key` was refused. */
  readonly hasFaultyKey: boolean;
}

/** What the checks of one field look at. */
export interface Scope {
  readonly objectNames: ReadonlySet<string>;
  readonly enums: ReadonlyMap<string, EnumType>;
  /** Names of all enums, faulty ones included. */
  readonly enumNames: ReadonlySet<string>;
  readonly context: ModelContext;
  readonly problems: Problems;
}
