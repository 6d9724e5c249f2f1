/** What the parts of a SELECT share: the model, the codecs' SQL, the parameters, fresh table names. */

import type { FilterScalar } from "../codec/contract.ts";
import { ServiceError } from "../errors.ts";
import { columnNamed } from "../model/find-column.ts";
import type { CodecUse, Column, Entity, Model } from "../model/model.ts";
import { identifier, qualified } from "./quote.ts";

/** What SQL can tell of a codec's field. */
export interface CodecFieldSql {
  /** Expression for the value, given the quoted column; absent where only the bytes tell. */
  readonly sql: ((column: string) => string) | undefined;
  /** Whether JavaScript can read it from the stored value. */
  readonly readable: boolean;
  readonly filter: FilterScalar | undefined;
  /** The value is a URL, signed for the object or the row. */
  readonly isUrl?: true;
  /** Set where the codec is not loaded: what everything that needs it is refused with. */
  readonly unavailable?: ServiceError;
}

/** Asks for a field of a codec; `undefined` where the codec is not loaded or has no such field. */
export type CodecSql = (use: CodecUse, field: string) => CodecFieldSql | undefined;

/** Where a parameter's value lies in the resolved arguments: `[at, "where", "name", "eq"]`. */
export type ArgumentPath = readonly (string | number)[];

/** A parameter of the statement: taken from the arguments of each request, so that one text serves many. */
export interface Parameter {
  readonly path: ArgumentPath;
  readonly convert?: (value: unknown) => unknown;
}

/** A part of the resolved arguments, and where it lies. */
export interface Argument {
  readonly value: unknown;
  readonly path: ArgumentPath;
}

/** One statement in the making. */
export interface Builder {
  readonly model: Model;
  readonly codecs: CodecSql;
  readonly parameters: Parameter[];
  /** Arguments of each place of the plan, resolved for this request. */
  readonly resolved: readonly Readonly<Record<string, unknown>>[];
  tables: number;
  /** Whether a rule hides rows of `entity` from the viewer. Inside of rules none does: a rule sees all rows. */
  readonly isRuled: (entity: Entity) => boolean;
  /** The condition that the viewer's rule puts on the rows of `table`. */
  readonly rule: (entity: Entity, table: string) => string;
  /** Set when the answer holds stored values that JavaScript completes. */
  completes: boolean;
  /** Set when the answer holds values of the type Float, of which some may be none that it can carry. */
  hasFloats: boolean;
}

/** The argument `name` of place `at`. */
export function argumentOf(builder: Builder, at: number, name: string): Argument {
  return { value: builder.resolved[at]?.[name], path: [at, name] };
}

/** A part of an argument. */
export function partOf(argument: Argument, key: string | number): Argument {
  // Arguments are plain objects and lists; anything else has no parts.
  const whole = argument.value as Readonly<Record<string | number, unknown>> | null | undefined;
  const value =
    whole !== null && typeof whole === "object" && Object.hasOwn(whole, key) ? whole[key] : undefined;
  return { value, path: [...argument.path, key] };
}

/** A parameter of the given SQL type: `$1::integer`. */
export function parameter(
  builder: Builder,
  argument: Argument,
  type: string,
  convert?: (value: unknown) => unknown,
): string {
  const entry = convert === undefined ? { path: argument.path } : { path: argument.path, convert };
  return `$${builder.parameters.push(entry)}::${type}`;
}

/** Values of the parameters for one request's arguments. */
export function parameterValues(
  parameters: readonly Parameter[],
  resolved: readonly Readonly<Record<string, unknown>>[],
): unknown[] {
  return parameters.map(({ path, convert }) => {
    const value = path.reduce<Argument>(partOf, { value: resolved, path: [] }).value;
    return convert === undefined ? value : convert(value);
  });
}

/** A fresh table name. */
export function freshTable(builder: Builder): string {
  builder.tables += 1;
  return `t${builder.tables}`;
}

/** The table of `entity` as the viewer sees it, for FROM: `"lab"."session"`, or its visible rows. The only way to read a table. */
export function tableOf(builder: Builder, entity: Entity): string {
  const table = qualified(entity.schema, entity.table);
  if (!builder.isRuled(entity)) return table;
  const all = freshTable(builder);
  // Pages and versions need what `*` leaves out.
  return `(SELECT ${all}.*, ${columnOf(all, "xmin")} FROM ${table} ${identifier(all)} WHERE ${builder.rule(entity, all)})`;
}

/** The same for rows that are to be locked, which a subquery does not let be: the table, and the condition of what the viewer sees. */
export function lockedTable(
  builder: Builder,
  entity: Entity,
  table: string,
): { readonly from: string; readonly visible: string | undefined } {
  const from = `${qualified(entity.schema, entity.table)} ${identifier(table)}`;
  return { from, visible: builder.isRuled(entity) ? `(${builder.rule(entity, table)})` : undefined };
}

/** `t1."name"`. */
export function columnOf(table: string, name: string): string {
  return `${table}.${identifier(name)}`;
}

/** The entity of that name. @throws {INTERNAL_SERVER_ERROR} when a plan of another model is used. */
export function entityOf(model: Model, name: string): Entity {
  const entity = model.entity.get(name);
  if (entity !== undefined) return entity;
  throw new ServiceError("INTERNAL_SERVER_ERROR", `The model has no entity ${name}.`);
}

/** The column of that name. @throws {INTERNAL_SERVER_ERROR} when a plan of another model is used. */
export function modelColumn(entity: Entity, name: string): Column {
  const column = columnNamed(entity, name);
  if (column !== undefined) return column;
  throw new ServiceError("INTERNAL_SERVER_ERROR", `The entity ${entity.name} has no column ${name}.`);
}

/** Conditions that tie a table to the row it belongs to. */
export function linked(
  links: readonly { readonly own: string; readonly other: string }[],
  own: string,
  other: string,
): string {
  return links.map((link) => `${columnOf(other, link.other)} = ${columnOf(own, link.own)}`).join(" AND ");
}

/** Conditions joined; `true` when there are none. */
export function all(conditions: readonly (string | undefined)[]): string {
  const given = conditions.filter((condition) => !["", "true", undefined].includes(condition));
  return given.length === 0 ? "true" : given.join(" AND ");
}

/** Keys of a JSON object in their order, and an SQL expression for each value. */
export type JsonEntries = readonly (readonly [key: string, sql: string])[];

/** A JSON object with these keys and values, compact, in this order. */
export function jsonObject(entries: JsonEntries): string {
  return jsonObjectFrom(entries, "");
}

/** A statement that answers such an object as text, in the column `data`. */
export function jsonText(entries: JsonEntries): string {
  if (hasLongKey(entries)) return `SELECT ${longObject(entries)}::text AS data`;
  return `SELECT row_to_json("~")::text AS data FROM (SELECT ${record(entries)}) "~"`;
}

/**
 * The same for the row that `from` finds (`FROM … WHERE …`), NULL where it finds none. The row is one scan and one record: an object that
 * is selected inside it as a value of its own would cost PostgreSQL a plan for each row.
 */
export function jsonObjectFrom(entries: JsonEntries, from: string): string {
  if (hasLongKey(entries)) return `(SELECT ${longObject(entries)}${from})`;
  // Nothing a response may contain is called "~", so this name can mean only the whole row.
  return `(SELECT row_to_json("~") FROM (SELECT ${record(entries)}${from}) "~")`;
}

/** A JSON list of such objects, one for each row of `from` and in its order: `FROM (… ORDER BY …) t`, or `FROM … ORDER BY …`. */
export function jsonListFrom(entries: JsonEntries, from: string): string {
  const isLong = hasLongKey(entries);
  const rows = `SELECT ${isLong ? `${longObject(entries)} AS "~"` : record(entries)}${from}`;
  return `(SELECT coalesce(json_agg(${isLong ? `"~"."~"` : `row_to_json("~")`}), '[]'::json) FROM (${rows}) "~")`;
}

function record(entries: JsonEntries): string {
  return entries.map(([key, sql]) => `${sql} AS ${identifier(key)}`).join(", ");
}

function hasLongKey(entries: JsonEntries): boolean {
  return entries.some(([key]) => key.length > 63);
}

/** PostgreSQL cuts names at 63 bytes, so objects with longer keys are put together as text. */
function longObject(entries: JsonEntries): string {
  const parts = entries.map(
    ([key, sql]) => `'${JSON.stringify(key)}:' || coalesce(to_json(${sql})::text, 'null')`,
  );
  return `('{' || ${parts.join(" || ',' || ")} || '}')::json`;
}
