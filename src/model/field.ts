/** One field definition → a draft: its type is classified and every directive on it checked. */

import { type FieldDefinitionNode, Kind, type TypeNode } from "graphql";
import { attributeDraft, enumDraft, jsonListDraft } from "./attribute.ts";
import { codecDraft, codecListDraft } from "./codec-field.ts";
import { type DirectiveUses, readDirectives } from "./directive.ts";
import type { FieldDraft, ReferenceDraft, Scope } from "./draft.ts";
import { checkDescription } from "./identifier.ts";
import { lowerFirst, snakeCase } from "./naming.ts";
import { reservedFieldNames } from "./reserved.ts";
import { scalarRules } from "./spec.ts";

/** A field's type without its wrappers. */
interface FieldShape {
  readonly type: string;
  readonly nullable: boolean;
  readonly list?: { readonly elementNullable: boolean };
}

/** A field as read from the file, before its kind is known. */
export interface FieldSource {
  readonly name: string;
  readonly label: string;
  readonly node: FieldDefinitionNode;
  readonly uses: DirectiveUses;
  readonly description: string;
  readonly renamedFrom?: string;
  readonly shape: FieldShape;
  readonly inKey: boolean;
}

/** Drafts a field; faults are reported and give `undefined`. */
export function draftField(owner: string, node: FieldDefinitionNode, scope: Scope): FieldDraft | undefined {
  const { problems } = scope;
  const name = node.name.value;
  const label = `Field ${owner}.${name}`;
  const description = node.description?.value ?? "";
  checkDescription(description, label, problems.at(node));
  const uses = readDirectives(node.directives ?? [], { place: "field", label }, problems);
  const shape = shapeOf(node.type);
  if (!checkHead(node, { label, shape, scope })) return undefined;
  if (shape === undefined || !uses.isSound) return undefined;
  const renamedFrom = uses.one("renamedFrom")?.text("name");
  return draftByType(
    {
      name,
      label,
      node,
      uses,
      description,
      shape,
      inKey: uses.one("key") !== undefined,
      ...(renamedFrom === undefined ? {} : { renamedFrom }),
    },
    scope,
  );
}

function shapeOf(type: TypeNode): FieldShape | undefined {
  const nullable = type.kind !== Kind.NON_NULL_TYPE;
  const inner = type.kind === Kind.NON_NULL_TYPE ? type.type : type;
  if (inner.kind === Kind.NAMED_TYPE) return { type: inner.name.value, nullable };
  const elementNullable = inner.type.kind !== Kind.NON_NULL_TYPE;
  const element = inner.type.kind === Kind.NON_NULL_TYPE ? inner.type.type : inner.type;
  if (element.kind !== Kind.NAMED_TYPE) return undefined;
  return { type: element.name.value, nullable, list: { elementNullable } };
}

interface Head {
  readonly label: string;
  readonly shape: FieldShape | undefined;
  readonly scope: Scope;
}

function checkHead(node: FieldDefinitionNode, { label, shape, scope }: Head): boolean {
  const report = scope.problems.at(node);
  const name = node.name.value;
  const instead = reservedFieldNames.get(name);
  if (instead !== undefined) {
    report(
      `${label}: the name ${name} is reserved`,
      `Choose another name, for example ${instead} with @column(name: "${snakeCase(name)}").`,
    );
    return false;
  }
  if (!/^[a-z][A-Za-z0-9_]*$/.test(name)) {
    const instead = lowerFirst(name.replace(/^_+/, ""));
    report(`${label}: field names begin with a lower-case letter`, `Write ${instead || "another name"}.`);
    return false;
  }
  const argument = node.arguments?.[0];
  if (argument !== undefined) {
    scope.problems.at(argument)(
      `${label}: fields of a table take no arguments`,
      "Remove them: the arguments of the API are generated.",
    );
    return false;
  }
  if (shape !== undefined) return true;
  report(`${label}: a list of lists cannot be stored`, "Use JSON, or an array with a codec.");
  return false;
}

function draftByType(field: FieldSource, scope: Scope): FieldDraft | undefined {
  const { type, list } = field.shape;
  const report = scope.problems.at(field.node.type);
  if (field.uses.one("codec") !== undefined) {
    return list === undefined ? codecDraft(field, scope) : codecListDraft(field, scope);
  }
  if (scope.objectNames.has(type)) return referenceDraft(field, scope);
  if (scalarRules.has(type))
    return list === undefined ? attributeDraft(field, scope) : jsonListDraft(field, scope);
  if (scope.enumNames.has(type)) return enumDraft(field, scope);
  if (type === "ID") {
    return report(
      `${field.label}: ID is kept for the id that every row has`,
      "Use Int, BigInt, String or UUID.",
    );
  }
  const codecs = [...scope.context.codecs.values()].filter((codec) => codec.output === type);
  if (codecs.length > 0) {
    const names = codecs.map((codec) => codec.name).join(", ");
    return report(
      `${field.label}: ${type} needs a codec`,
      `Add @codec(name: "…"); for ${type} there are: ${names}.`,
    );
  }
  return report(
    `${field.label}: there is no type ${type}`,
    `Define it, or use one of ${[...scalarRules.keys()].join(", ")}.`,
  );
}

function referenceDraft(field: FieldSource, scope: Scope): ReferenceDraft | undefined {
  const { label, uses, shape, inKey } = field;
  const report = scope.problems.at(field.node.type);
  if (shape.list !== undefined) {
    return report(
      `${label}: a list of ${shape.type} is not a column`,
      `Write the reference in ${shape.type}; the list on this side is generated from it, named by @reverse(name: "${field.name}").`,
    );
  }
  if (inKey && shape.nullable) {
    return report(`${label}: a key field cannot be null`, `Write ${shape.type}!.`);
  }
  const column = uses.one("column");
  if (column !== undefined) {
    return scope.problems.at(column.node)(
      `${label}: @column does not go with a reference`,
      'Its columns are named for the key of its target; rename them with @reference(columns: ["…"]).',
    );
  }
  const columnNames = uses.one("reference")?.texts("columns");
  const reverse = uses.one("reverse")?.text("name");
  return {
    kind: "reference",
    name: field.name,
    label,
    node: field.node,
    uses,
    description: field.description,
    target: shape.type,
    nullable: shape.nullable,
    inKey,
    ...(columnNames === undefined ? {} : { columnNames }),
    ...(reverse === undefined ? {} : { reverse }),
    ...(field.renamedFrom === undefined ? {} : { renamedFrom: field.renamedFrom }),
  };
}
