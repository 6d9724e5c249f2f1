/** Scalar, enum and list fields → drafts with a column type. */

import { defaultOf } from "./default.ts";
import type { DirectiveUse } from "./directive.ts";
import type { AttributeDraft, Scope } from "./draft.ts";
import type { FieldSource } from "./field.ts";
import { checkColumnName } from "./identifier.ts";
import type { ColumnType } from "./model.ts";
import { enumTypeName, snakeCase } from "./naming.ts";
import { type CoreSpec, specOfScalar } from "./spec.ts";

/** A field of one of the language's scalars. */
export function attributeDraft(field: FieldSource, scope: Scope): AttributeDraft | undefined {
  const column = field.uses.one("column");
  const report = scope.problems.at(column?.place("type") ?? field.node.type);
  const { type: scalar } = field.shape;
  const spec = specOfScalar({ label: field.label, scalar, type: column?.text("type") }, report);
  if (spec === undefined || !checkKeyType(field, spec, scope)) return undefined;
  return finish(field, { type: { spec: spec.text, sql: spec.sql, graphql: scalar }, core: spec }, scope);
}

/** A field of one of the file's enums. */
export function enumDraft(field: FieldSource, scope: Scope): AttributeDraft | undefined {
  const name = field.shape.type;
  if (field.shape.list !== undefined) {
    return scope.problems.at(field.node.type)(
      `${field.label}: a list of enum values cannot be stored`,
      "Use [String!]!, or a part table with one value a row.",
    );
  }
  if (!refuseType(field, "an enum's type follows from its values", scope)) return undefined;
  const values = scope.enums.get(name)?.values.map((value) => value.stored);
  if (values === undefined) return undefined;
  const spec = `enum(${values.map((value) => `'${value}'`).join(",")})`;
  return finish(field, { type: { spec, sql: enumTypeName(values), graphql: name, enum: name } }, scope);
}

const unlistable: ReadonlySet<string> = new Set(["Bytes"]);

/** A list of scalars, stored as json. */
export function jsonListDraft(field: FieldSource, scope: Scope): AttributeDraft | undefined {
  const { type: element, list } = field.shape;
  if (list === undefined) return undefined;
  const report = scope.problems.at(field.node.type);
  if (unlistable.has(element)) {
    return report(`${field.label}: a list of ${element} cannot be stored`, "Use a codec, or a part table.");
  }
  if (field.inKey) return report(`${field.label}: a list cannot be part of the key`, "Remove @key.");
  const column = field.uses.one("column");
  const written = column?.text("type");
  if (written !== undefined && written !== "json") {
    return scope.problems.at(column?.place("type") ?? field.node)(
      `${field.label}: a list is stored as json, not as ${JSON.stringify(written)}`,
      "Remove the type.",
    );
  }
  const type = {
    spec: "json",
    sql: "jsonb",
    graphql: element,
    list: { element, elementNullable: list.elementNullable },
  };
  return finish(field, { type }, scope);
}

/** Reports `@column(type:)` where the type is not the user's to choose. */
export function refuseType(field: FieldSource, why: string, scope: Scope): boolean {
  const column = field.uses.one("column");
  if (column?.has("type") !== true) return true;
  scope.problems.at(column.place("type"))(`${field.label}: ${why}`, "Remove type from @column.");
  return false;
}

/** Reports `@reference` and `@reverse` on a field that is none. */
export function refuseReferenceDirectives(field: FieldSource, scope: Scope): boolean {
  const stray = field.uses.one("reference") ?? field.uses.one("reverse");
  if (stray === undefined) return true;
  scope.problems.at(stray.node)(
    `${field.label}: @${stray.node.name.value} stands on a field that is no reference`,
    "Remove it, or make the field's type a type with @table.",
  );
  return false;
}

const unsafeKeys: ReadonlyMap<string, string> = new Map([
  ["float32", 'Use Int, String, or Decimal with @column(type: "decimal(p,s)").'],
  ["float64", 'Use Int, String, or Decimal with @column(type: "decimal(p,s)").'],
  ["json", "Use a scalar that compares exactly, for example Int or String."],
  ["bytes", "Use a scalar that compares exactly, for example Int or String."],
]);

function checkKeyType(field: FieldSource, spec: CoreSpec, scope: Scope): boolean {
  const remedy = field.inKey ? unsafeKeys.get(spec.name) : undefined;
  if (remedy === undefined) return true;
  scope.problems.at(field.node.type)(`${field.label}: ${field.shape.type} cannot be part of the key`, remedy);
  return false;
}

/** The stored name of a field: `@column(name:)`, else its own by the class rule. */
export function columnNameOf(field: FieldSource, scope: Scope): string | undefined {
  const column: DirectiveUse | undefined = field.uses.one("column");
  const name = column?.text("name") ?? snakeCase(field.name);
  const report = scope.problems.at(column?.place("name") ?? field.node);
  const how = '@column(name: "…")';
  return checkColumnName(name, { label: field.label, how }, report) ? name : undefined;
}

function finish(
  field: FieldSource,
  stored: { readonly type: ColumnType; readonly core?: CoreSpec },
  scope: Scope,
): AttributeDraft | undefined {
  const { label, shape, inKey } = field;
  if (!refuseReferenceDirectives(field, scope)) return undefined;
  if (inKey && shape.nullable) {
    return scope.problems.at(field.node.type)(
      `${label}: a key field cannot be null`,
      `Write ${shape.type}!.`,
    );
  }
  const column = columnNameOf(field, scope);
  const value = defaultOf(field, stored, scope);
  if (column === undefined || value === "faulty") return undefined;
  return {
    kind: "attribute",
    name: field.name,
    label,
    node: field.node,
    uses: field.uses,
    description: field.description,
    column,
    type: stored.type,
    nullable: shape.nullable,
    inKey,
    ...value,
    ...(field.renamedFrom === undefined ? {} : { renamedFrom: field.renamedFrom }),
  };
}
