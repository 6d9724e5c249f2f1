/** Scalar, enum and list fields → drafts with a column type. */

import { defaultOf } from "./default.ts";
import type { DirectiveUse } from "./directive.ts";
import type { AttributeDraft, Scope } from "./draft.ts";
import type { FieldSource } from "./field.ts";
import { checkColumnName } from "./identifier.ts";
import type { ColumnType } from "./model.ts";
import { enumTypeName, snakeCase } from "./naming.ts";
import { nativeEnum, nativeOfScalar } from "./native.ts";
import { type CoreSpec, specOfScalar } from "./spec.ts";

/** A field of one of the language's scalars. */
export function attributeDraft(field: FieldSource, scope: Scope): AttributeDraft | undefined {
  const column = field.uses.one("column");
  const report = scope.problems.at(column?.place("type") ?? field.node.type);
  const { type: scalar } = field.shape;
  const text = column?.text("native");
  if (text !== undefined) return nativeDraft(field, text, scope);
  const spec = specOfScalar({ label: field.label, scalar, type: column?.text("type") }, report);
  if (spec === undefined || !checkKeyType(field, spec, scope)) return undefined;
  return finish(field, { type: { spec: spec.text, sql: spec.sql, graphql: scalar }, core: spec }, scope);
}

/** A field whose column has one of PostgreSQL's own types. */
function nativeDraft(field: FieldSource, text: string, scope: Scope): AttributeDraft | undefined {
  const { label, shape, uses } = field;
  const column = uses.one("column");
  const report = scope.problems.at(column?.place("native") ?? field.node);
  if (column?.has("type") === true)
    return report(`${label}: type and native exclude each other`, "Keep one of them.");
  const native = nativeOfScalar({ label, scalar: shape.type, text }, report);
  if (native === undefined || !checkKeyType(field, native.core, scope)) return undefined;
  const type = { spec: text, sql: native.sql, graphql: shape.type, native: true } as const;
  return finish(field, { type, core: native.core }, scope);
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
  const native = field.uses.one("column")?.text("native");
  if (native !== undefined) return nativeEnumDraft(field, native, scope);
  const spec = `enum(${values.map((value) => `'${value}'`).join(",")})`;
  return finish(field, { type: { spec, sql: enumTypeName(values), graphql: name, enum: name } }, scope);
}

/** A field of an enum whose PostgreSQL type has a name of its own, or lies in another schema. */
function nativeEnumDraft(field: FieldSource, text: string, scope: Scope): AttributeDraft | undefined {
  const place = nativeEnum(text);
  if (place !== undefined) {
    const named = { enum: field.shape.type, enumSchema: place.schema, native: true } as const;
    return finish(
      field,
      { type: { spec: text, sql: place.name, graphql: field.shape.type, ...named } },
      scope,
    );
  }
  return scope.problems.at(field.uses.one("column")?.place("native") ?? field.node)(
    `${field.label}: ${JSON.stringify(text)} is no name of an enum type`,
    'Write its schema and name: "lab.sex".',
  );
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
  if (!refuseNative(field, "a list is stored as json", scope)) return undefined;
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
  return refuseArgument(field, { argument: "type", why }, scope);
}

/** The same for `@column(native:)`. */
export function refuseNative(field: FieldSource, why: string, scope: Scope): boolean {
  return refuseArgument(field, { argument: "native", why }, scope);
}

function refuseArgument(
  field: FieldSource,
  { argument, why }: { readonly argument: string; readonly why: string },
  scope: Scope,
): boolean {
  const column = field.uses.one("column");
  if (column?.has(argument) !== true) return true;
  scope.problems.at(column.place(argument))(`${field.label}: ${why}`, `Remove ${argument} from @column.`);
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
  const isExact = field.shape.type === "Float32" || field.shape.type === "Float64";
  const remedy = field.inKey && !isExact ? unsafeKeys.get(spec.name) : undefined;
  if (remedy === undefined) return true;
  scope.problems.at(field.node.type)(`${field.label}: ${field.shape.type} cannot be part of the key`, remedy);
  return false;
}

/** Key column of a table of at most one row, which DataJoint hides. @source datajoint-interop §4 */
const singletonColumn = "_singleton";

/** The stored name of a field: `@column(name:)`, else its own by the class rule. */
export function columnNameOf(field: FieldSource, scope: Scope): string | undefined {
  const column: DirectiveUse | undefined = field.uses.one("column");
  const name = column?.text("name") ?? snakeCase(field.name);
  if (name === singletonColumn && field.inKey && field.shape.type === "Boolean") return name;
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
