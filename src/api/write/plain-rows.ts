/**
 * Rows of one entity that a bulk create gives flat and in full: their values go to PostgreSQL as one array a column, without a draft for each.
 * Whatever is not so plain, or not fit, is left to the drafts, which know what to do, and what to say.
 */

import { createHash } from "node:crypto";
import type { Transaction } from "../../db/contract.ts";
import { isServiceError, ServiceError } from "../../errors.ts";
import type { Column, Entity, Model } from "../../model/model.ts";
import { type ColumnValue, columnValue, sqlType } from "../../plan/column-value.ts";
import { identifier, identifiers, qualified } from "../../sql/quote.ts";
import { parameterType } from "../../sql/select-type.ts";
import { fieldOf, type Input, keyValues } from "./input-field.ts";
import { statementBytes, valueText } from "./insert-rows.ts";
import { columnOf } from "./row-draft.ts";

/** Rows by columns. */
export interface PlainRows {
  readonly entity: Entity;
  readonly count: number;
  /** By stored column name: the array's text. */
  readonly values: ReadonlyMap<string, string>;
}

/** Takes the rows apart; `undefined` where one of them needs a draft, or has a fault that a draft will name. */
export function plainRows(model: Model, entity: Entity, inputs: readonly Input[]): PlainRows | undefined {
  const gathered: Gathered = { model, entity, columns: new Map(), row: 0, bytes: 0 };
  const needed = entity.columns.filter(
    ({ name, nullable, default: usual }) => (!nullable && usual === undefined) || entity.key.includes(name),
  );
  try {
    for (const input of inputs) {
      for (const name in input) if (!gather(gathered, name, input[name])) return undefined;
      if (!needed.every(({ name }) => hasValue(gathered, name))) return undefined;
      endRow(gathered);
      if (gathered.bytes > statementBytes) return undefined;
    }
  } catch (error) {
    if (isServiceError(error)) return undefined;
    throw error;
  }
  const values = [...gathered.columns].map(([name, items]) => [name, `{${items.join(",")}}`] as const);
  return { entity, count: inputs.length, values: new Map(values) };
}

interface Gathered {
  readonly model: Model;
  readonly entity: Entity;
  readonly columns: Map<string, string[]>;
  row: number;
  bytes: number;
}

/** Adds one field of the present row. False: a draft is needed. Places in messages do not matter, the draft makes its own. */
function gather(gathered: Gathered, name: string, value: unknown): boolean {
  if (value === undefined) return true;
  const { model, entity } = gathered;
  const known = fieldOf(entity, name, "");
  if (known.kind === "column") {
    const { column } = known;
    if (column.type.codec !== undefined) return false;
    if (value === null) return put(gathered, column, null);
    return put(gathered, column, columnValue(column, value, { field: name, enums: model.enum }));
  }
  if (known.kind !== "reference") return false;
  const { key, create, ...others } = (value ?? {}) as Readonly<Record<string, unknown>>; // an input object
  if (key === null || typeof key !== "object" || create !== undefined || Object.keys(others).length > 0)
    return false;
  const target = model.entity.get(known.reference.target);
  if (target === undefined) return false;
  const texts = keyValues({ model }, target, { key: key as Input, place: name });
  return known.reference.columns.every((pair) => {
    const text = texts.get(pair.target);
    return text !== undefined && put(gathered, columnOf(entity, pair.column), { kind: "text", text });
  });
}

/** False where the column has a value in this row already, or takes no such value. */
function put(gathered: Gathered, column: Column, value: ColumnValue | null): boolean {
  let items = gathered.columns.get(column.name);
  if (items === undefined) {
    items = new Array<string>(gathered.row).fill("NULL");
    gathered.columns.set(column.name, items);
  }
  if (items.length > gathered.row) return false;
  if (value === null) {
    items.push("NULL");
    return column.nullable || column.default !== undefined;
  }
  const text = value.kind === "text" ? value.text : value.json;
  // As an element of jsonb[] it would be JSON's null, in a record it is none.
  if (value.kind === "json" && text === "null") return false;
  gathered.bytes += text.length;
  items.push(isBare(column) ? text : quoted(text));
  return true;
}

/** Types whose checked texts hold nothing that arrays give a meaning to: their elements need no quotes, which would be a string more for each. */
const bareTypes: ReadonlySet<string> = new Set([
  ...["smallint", "integer", "bigint", "real", "double precision", "numeric"],
  ...["boolean", "date", "timestamp", "timestamptz", "uuid"],
]);

function isBare({ type }: Column): boolean {
  return type.list === undefined && type.enum === undefined && bareTypes.has(sqlType(type.sql).base);
}

/** An element of an array's text. @source PostgreSQL's documentation, "Array Input and Output Syntax" */
function quoted(text: string): string {
  return /["\\]/.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : `"${text}"`;
}

function hasValue({ columns, row }: Gathered, name: string): boolean {
  const items = columns.get(name);
  return items?.length === row + 1 && items[row] !== "NULL";
}

function endRow(gathered: Gathered): void {
  gathered.row += 1;
  for (const items of gathered.columns.values()) if (items.length < gathered.row) items.push("NULL");
}

/** Inserts the rows. Answers their keys, as PostgreSQL's text, in the order of the rows, where they are wanted. @throws {CONSTRAINT_VIOLATION} */
export async function insertPlainRows(
  transaction: Transaction,
  rows: PlainRows,
  wantsKeys: boolean,
): Promise<readonly (readonly string[])[]> {
  const { entity, count, values } = rows;
  const { text, ...how } = insertOf(entity, [...values.keys()], wantsKeys);
  const answer = await transaction.query<{ keys?: string }>(text, [...values.values()], how);
  const found = answer.rows[0]?.keys;
  // Made by the statement: a list of lists of text.
  const keys = found === undefined ? [] : (JSON.parse(found) as readonly (readonly string[])[]);
  const written = wantsKeys ? keys.length : answer.rowCount;
  if (written === count) return keys;
  throw new ServiceError("INTERNAL_SERVER_ERROR", `Of ${count} rows ${written} were written.`);
}

interface Insert {
  readonly text: string;
  readonly name?: string;
}

/** Statements of an entity that get a name on the server: mostly the same columns are given. */
const namedInserts = 4;

/** A cache of a pure function: the model is frozen. */
const inserts = new WeakMap<Entity, Map<string, Insert>>();

function insertOf(entity: Entity, columns: readonly string[], wantsKeys: boolean): Insert {
  const known = inserts.get(entity) ?? new Map<string, Insert>();
  inserts.set(entity, known);
  const sign = JSON.stringify([wantsKeys, ...columns]);
  const found = known.get(sign);
  if (found !== undefined) return found;
  const text = insertText(entity, columns, wantsKeys);
  if (known.size >= namedInserts) return { text };
  const made = { text, name: `create_${createHash("sha256").update(text).digest("hex").slice(0, 32)}` };
  known.set(sign, made);
  return made;
}

function insertText(entity: Entity, columns: readonly string[], wantsKeys: boolean): string {
  const arrays = columns.map((name, index) => `$${index + 1}::${arrayType(columnOf(entity, name))}`);
  const values = columns.map((name) => valueText(entity, name)).join(", ");
  const insert = `INSERT INTO ${qualified(entity.schema, entity.table)} AS t (${identifiers(columns)}) SELECT ${values} FROM unnest(${arrays.join(", ")}) AS u(${identifiers(columns)})`;
  if (!wantsKeys) return insert;
  const key = entity.key.map((name) => `t.${identifier(name)}::text`);
  return `WITH written AS (${insert} RETURNING json_build_array(${key.join(", ")}) AS key) SELECT coalesce(json_agg(key), '[]'::json)::text AS keys FROM written`;
}

function arrayType({ type }: Column): string {
  if (type.enum !== undefined) return `${qualified(type.enumSchema ?? "public", type.sql)}[]`;
  return `${type.list === undefined ? parameterType(type) : "jsonb"}[]`;
}
