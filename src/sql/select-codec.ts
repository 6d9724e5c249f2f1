/** Codec values in SQL: default fields from the row, and what JavaScript needs to complete the rest. */

import type { CodecUse, Column, Entity } from "../model/model.ts";
import type { CodecPart, CodecPlan } from "../plan/plan.ts";
import { literal } from "./quote.ts";
import { type Builder, columnOf, jsonObject, modelColumn } from "./select-builder.ts";
import { base64, scalarJson, unreadMark } from "./select-type.ts";

/** Key of the stored value beside the fields of a codec's object; no GraphQL name can be this. */
export const storedKey = "~stored";

/** A codec value's place: its table's name in the statement, its entity, its column. */
interface Place {
  readonly entity: Entity;
  readonly table: string;
  readonly column: Column;
}

/** The object that answers a codec field; NULL where the row has no value. */
export function codecJson(builder: Builder, plan: CodecPlan, at: { entity: Entity; table: string }): string {
  const column = modelColumn(at.entity, plan.column);
  const place = { ...at, column };
  const sql = columnOf(at.table, column.name);
  const parts = plan.selection.map((part) => [part.key, partJson(builder, place, part)] as const);
  const needs = column.type.graphql === "Opaque" ? nothing : neededOf(builder, plan);
  const left = needs.url || needs.bytes || needs.refusal;
  if (left) builder.completes = true;
  const stored = left ? [[storedKey, storedJson(place, needs)] as const] : [];
  return `CASE WHEN ${sql} IS NOT NULL THEN ${jsonObject([...parts, ...stored])} END`;
}

interface Needs {
  readonly url: boolean;
  readonly bytes: boolean;
  /** Nothing can be told: the codec is not loaded. */
  readonly refusal: boolean;
}

const nothing: Needs = { url: false, bytes: false, refusal: false };

/** Which of the selected fields only JavaScript can tell. */
function neededOf(builder: Builder, plan: CodecPlan): Needs {
  const names = plan.selection.flatMap((part) => (part.kind === "part" ? [part.name] : []));
  if (names.some((name) => builder.codecs(plan.use, name)?.unavailable !== undefined))
    return { ...nothing, refusal: true };
  const bytes = names.some((name) => {
    // A url of an object is told from its metadata; one of a value in the row may need the value's first bytes.
    const told = builder.codecs(plan.use, name);
    if (told?.isUrl === true) return plan.use.store === undefined && told.readable;
    return told?.sql === undefined;
  });
  const url = names.some((name) => builder.codecs(plan.use, name)?.isUrl === true);
  return { url, bytes, refusal: false };
}

function partJson(builder: Builder, place: Place, part: CodecPart): string {
  if (part.kind === "typename") return `${literal(part.type)}::text`;
  const { column, table } = place;
  const { codec, graphql } = column.type;
  const sql = columnOf(table, column.name);
  if (codec === undefined) return "NULL";
  if (graphql === "Opaque")
    return part.name === "codec" ? `${literal(codec.name)}::text` : rawJson(column, sql);
  const field = builder.codecs(codec, part.name);
  if (field?.sql === undefined) return "NULL::text";
  const value = partValue(part.type, `(${field.sql(sql)})`, field.filter);
  if (!field.readable) return value;
  // Rows that DataJoint wrote lack some of our keys: then the stored value itself is answered, for JavaScript to read.
  const stored = storedJson(place, { ...nothing, bytes: true });
  const unread = `'${unreadMark.slice(0, -1)}' || ${stored}::text || '}'`;
  // Of these the JSON is null only where the value is, so that it need not be looked at as text.
  if (plainTypes.has(part.type)) return `coalesce(to_json(${value}), (${unread})::json)`;
  return `coalesce(nullif(to_json(${value})::text, 'null'), ${unread})::json`;
}

/** What a codec tells of its value, as the field's type has it on the wire. */
function partValue(type: string, sql: string, filter: string | undefined): string {
  if (type === "BigInt") return scalarJson("BigInt", sql);
  // Other programs write instants with offsets and digits of their own; what can be filtered by is surely an instant.
  if (type === "DateTime" && filter === "DateTime")
    return scalarJson("DateTime", `(${sql}::timestamptz)`, "timestamptz");
  return scalarJson("JSON", sql);
}

/** GraphQL types whose SQL is text, a number or a truth value. */
const plainTypes: ReadonlySet<string> = new Set(["String", "BigInt", "Int", "Float", "Boolean", "DateTime"]);

function rawJson(column: Column, sql: string): string {
  return column.type.sql === "bytea" ? `to_json(${base64(sql)})` : `to_json(${sql})`;
}

/**
 * What JavaScript needs of a stored value: `meta` the row's JSON, `base64` the row's bytes, `size` their number, `key` the row's key as
 * text, and of the object `locator gen tree sha256 size`.
 */
function storedJson(place: Place, needs: Needs): string {
  const { entity, table, column } = place;
  const sql = columnOf(table, column.name);
  const inBytes = column.type.sql === "bytea";
  const bytes = inBytes && needs.bytes ? [["base64", base64(sql)] as const] : [];
  const size = inBytes ? [["size", `octet_length(${sql})`] as const] : [];
  const meta = inBytes ? [] : [["meta", sql] as const];
  const key = entity.key.map((name) => `${columnOf(table, name)}::text`);
  const identity = needs.url ? [["key", `json_build_array(${key.join(", ")})`] as const] : [];
  const object =
    needs.url && column.type.codec?.store !== undefined ? objectParts(column.type.codec, sql) : [];
  const parts = [...bytes, ...size, ...meta, ...identity, ...object];
  return jsonObject(parts);
}

function objectParts(use: CodecUse, sql: string): readonly (readonly [string, string])[] {
  const store = `coalesce(nullif(${sql} ->> 'store', ''), ${literal(use.store ?? "")})`;
  const found = `(SELECT row_to_json(o) FROM (SELECT locator, gen::text AS gen, tree, encode(sha256, 'hex') AS sha256, size FROM holdfast.object WHERE locator = ${store} || ':' || (${sql} ->> 'path')) o)`;
  return [["object", found]];
}
