/** One column of the catalog → its type in the schema language: a core type, a codec, an enum, a native type, or none. */

import type { CodecFacts } from "../model/model.ts";
import { enumTypeName, isAttributeName, sizeInBytes, storeColumnLimitBytes } from "../model/naming.ts";
import { nativeType } from "../model/native.ts";
import { parseSpec } from "../model/spec.ts";
import type { CatalogColumn } from "../sql/catalog.ts";
import { comparableType } from "../sql/column-type.ts";
import { codecOfSpec, enumValues, parseComment, unescaped } from "../sql/comment.ts";

/** A column's type as a field says it. */
export interface ColumnWords {
  /** GraphQL scalar or codec output; of an enum absent. */
  readonly graphql?: string;
  /** Core spec, for `@column(type:)`. */
  readonly spec?: string;
  /** For `@column(native:)`. */
  readonly native?: string;
  /** Set of an enum: its stored values in the order to write them. */
  readonly labels?: readonly string[];
  readonly codec?: { readonly name: string; readonly store?: string };
  readonly description: string;
  /** False for types that SQL cannot compare, so that no key or index may have them. */
  readonly comparable: boolean;
}

/** Why a column cannot be said. */
export interface Unsaid {
  readonly why: string;
}

/** What the reading of a column stands on. */
export interface ColumnPlace {
  readonly schema: string;
  readonly codecs: ReadonlyMap<string, CodecFacts>;
  /** Labels of an enum type, by schema and name. */
  readonly labelsOf: (type: { readonly schema: string; readonly name: string }) => readonly string[];
}

/** Name of the key column of a table of at most one row. */
export const singletonColumn = "_singleton";

/** Whether DataJoint and Holdfast hide the column. */
export function isHidden(column: string): boolean {
  return column.startsWith("_") && column !== singletonColumn;
}

/** The words for a column that is no reference's. */
export function readColumn(column: CatalogColumn, place: ColumnPlace): ColumnWords | Unsaid {
  if (column.generated) return { why: "it is a generated column" };
  if (!isAttributeName(column.name) && column.name !== singletonColumn)
    return { why: "its name is none that DataJoint gives: lower-case letters, digits and _" };
  const { spec, text } = parseComment(column.comment ?? "");
  const codec = codecOfSpec(spec);
  if (codec !== undefined) return codecWords(column, { ...codec, text, place });
  return (
    (column.enum === undefined ? coreWords(column, spec, text) : enumWords(column, spec, { text, place })) ??
    nativeWords(column) ?? { why: `the schema language has no word for the type ${column.type}` }
  );
}

const scalars: Readonly<Record<string, string>> = {
  int8: "Int",
  int16: "Int",
  int32: "Int",
  int64: "BigInt",
  float32: "Float32",
  float64: "Float64",
  char: "String",
  varchar: "String",
  bool: "Boolean",
  date: "Date",
  datetime: "DateTime",
  decimal: "Decimal",
  uuid: "UUID",
  json: "JSON",
  bytes: "Bytes",
};

function isComparable(core: string): boolean {
  return core !== "json" && core !== "bytes";
}

function coreWords(
  column: CatalogColumn,
  text: string | undefined,
  description: string,
): ColumnWords | undefined {
  if (text === undefined) return undefined;
  const spec = parseSpec(text.toLowerCase().replaceAll(/\s/g, ""), "", () => undefined);
  const graphql = scalars[spec?.name ?? ""];
  if (spec === undefined || graphql === undefined || comparableType(spec.sql) !== column.type)
    return undefined;
  const comparable = isComparable(spec.name);
  return { graphql, spec: spec.text, description: unescaped(description), comparable };
}

function nativeWords(column: CatalogColumn): ColumnWords | undefined {
  const found = nativeType(column.type);
  const graphql = found?.scalars[0];
  if (found === undefined || graphql === undefined) return undefined;
  const comparable = isComparable(found.core.name);
  return { graphql, native: column.type, description: wholeComment(column), comparable };
}

/** All of a comment as a description, which may not begin with a colon. */
function wholeComment({ comment }: CatalogColumn): string {
  const text = unescaped(comment ?? "");
  return text.startsWith(":") ? ` ${text}` : text;
}

interface Told {
  readonly text: string;
  readonly place: ColumnPlace;
}

function enumWords(
  column: CatalogColumn,
  spec: string | undefined,
  { text, place }: Told,
): ColumnWords | Unsaid | undefined {
  const type = column.enum;
  if (type === undefined) return undefined;
  const labels = place.labelsOf(type);
  const odd = labels.find((label) => !isStorable(label));
  if (labels.length === 0 || odd !== undefined) {
    const which = odd === undefined ? "no values" : `the value ${JSON.stringify(odd)}`;
    return {
      why: `its enum type ${type.schema}.${type.name} has ${which}, which an enum of the schema language cannot have`,
    };
  }
  const written = enumValues(spec);
  const isOurs = type.schema === place.schema && type.name === enumTypeName(labels);
  if (written !== undefined && isOurs && sameSet(written, labels))
    return { labels: written, description: unescaped(text), comparable: true };
  const native = `${type.schema}.${type.name}`;
  if (!/^[a-z_][a-z0-9_$]*\.[a-z_][a-z0-9_$]*$/.test(native))
    return { why: `the name of its enum type ${native} is none that can be written` };
  return { labels, native, description: wholeComment(column), comparable: true };
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}

/** As `src/model/enum.ts` takes them. */
function isStorable(label: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  return label !== "" && label.trim() === label && !/[,'"\\:\u0000-\u001f\u007f]/.test(label);
}

interface CodecSpec extends Told {
  readonly name: string;
  readonly store: string | undefined;
}

function codecWords(column: CatalogColumn, { name, store, text, place }: CodecSpec): ColumnWords | Unsaid {
  const facts = place.codecs.get(name);
  const description = unescaped(text);
  const inStore = store !== undefined;
  if (inStore && sizeInBytes(column.name) > storeColumnLimitBytes)
    return {
      why: `its name is longer than ${storeColumnLimitBytes} bytes, the limit for a field in a store`,
    };
  const codec = inStore ? { name, store: store === "" ? "default" : store } : { name };
  const wanted = inStore ? (facts?.store ?? "jsonb") : facts?.row;
  const spec = `<${name}${inStore ? `@${store}` : ""}>`;
  if (facts !== undefined) {
    if (wanted !== column.type)
      return { why: `${spec} in a column of type ${column.type} is not how the codec stores` };
    return { graphql: facts.output, codec, description, comparable: false };
  }
  if (inStore) {
    if (column.type !== wanted) return { why: `${spec} lies in a column of type ${column.type}` };
    return { graphql: "Opaque", codec, description, comparable: false };
  }
  if (nativeType(column.type) === undefined)
    return { why: `${spec} lies in a column of type ${column.type}` };
  return { graphql: "Opaque", native: column.type, codec, description, comparable: false };
}
