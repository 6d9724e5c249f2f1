/** Global ids: base64 of `["Type", key…]`. */

import { ServiceError } from "../errors.ts";
import type { Column, Entity, Model } from "../model/model.ts";
import { unfitLiteral } from "../plan/expression.ts";
import type { IdGroup } from "../sql/select-node.ts";
import { parameterType } from "../sql/select-type.ts";
import { type ApiLimits, limitSettings } from "./limits.ts";

/** Groups `id` or `ids` by type; ids that name nothing fall out and are answered with null. */
export function resolveIds(
  model: Model,
  given: Readonly<Record<string, unknown>>,
  limits: ApiLimits,
): { readonly count: number; readonly groups: readonly IdGroup[] } {
  const listed = given["ids"];
  const ids = Array.isArray(listed) ? listed : given["id"] === undefined ? [] : [given["id"]];
  if (ids.length > limits.maxPageSize) {
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `ids: ${ids.length} are more than one request may give, ${limits.maxPageSize} (${limitSettings.maxPageSize}).`,
      { details: { field: "ids", limit: limits.maxPageSize, setting: limitSettings.maxPageSize } },
    );
  }
  const groups = new Map<string, { entity: string; positions: number[]; keys: string[][] }>();
  for (const [index, id] of ids.entries()) {
    const parsed = parseId(model, String(id));
    if (parsed === undefined) continue;
    const { entity, key } = parsed;
    const group = groups.get(entity.name) ?? {
      entity: entity.name,
      positions: [],
      keys: entity.key.map(() => []),
    };
    groups.set(entity.name, group);
    group.positions.push(index + 1);
    for (const [column, text] of key.entries()) group.keys[column]?.push(text);
  }
  return { count: ids.length, groups: [...groups.values()] };
}

/** The keys of rows of one entity, in the form of {@link resolveIds}. */
export function groupKeys(
  entity: Entity,
  keys: readonly (readonly string[])[],
): { readonly count: number; readonly groups: readonly IdGroup[] } {
  const positions = keys.map((_, index) => index + 1);
  const columns = entity.key.map((_, column) => keys.map((key) => key[column] ?? ""));
  return {
    count: keys.length,
    groups: keys.length === 0 ? [] : [{ entity: entity.name, positions, keys: columns }],
  };
}

/** Type and key of an id; undefined for what names no row of this model. */
export function parseId(
  model: Model,
  id: string,
): { readonly entity: Entity; readonly key: readonly string[] } | undefined {
  const parts = decode(id);
  const entity = typeof parts?.[0] === "string" ? model.entity.get(parts[0]) : undefined;
  if (parts === undefined || entity === undefined || entity.listOf !== undefined) return undefined;
  const key = parts.slice(1).filter((part) => typeof part === "string");
  if (key.length !== entity.key.length || parts.length !== key.length + 1) return undefined;
  const columns = entity.key.map((name) => entity.columns.find((column) => column.name === name));
  const fits = columns.every((column, index) => column !== undefined && isKeyText(column, key[index] ?? ""));
  return fits ? { entity, key } : undefined;
}

function decode(id: string): readonly unknown[] | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(id, "base64").toString("utf8"));
    return Array.isArray(parts) ? parts : undefined;
  } catch {
    return undefined;
  }
}

const integers: Readonly<Record<string, bigint>> = {
  smallint: 2n ** 15n,
  integer: 2n ** 31n,
  bigint: 2n ** 63n,
};

const forms: Readonly<Record<string, RegExp>> = {
  boolean: /^(true|false)$/,
  date: /^\d{4}-\d{2}-\d{2}$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  numeric: /^-?(\d{1,1000}(\.\d{1,1000})?|NaN|Infinity)$/,
  real: /^(-?\d+(\.\d+)?(e[+-]\d\d)?|NaN|-?Infinity)$/,
  "double precision": /^(-?\d+(\.\d+)?(e[+-]\d{2,3})?|NaN|-?Infinity)$/,
  timestamp: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/,
  bytea: /^\\x([0-9a-f]{2})*$/,
};

/** Whether PostgreSQL surely reads the text as a value of the column: an id with another text names no row. */
export function isKeyText(column: Column, text: string): boolean {
  if (unfitLiteral(text) !== undefined) return false;
  const type = parameterType(column.type);
  const bound = integers[type];
  if (bound !== undefined) {
    return /^-?\d{1,19}$/.test(text) && BigInt(text) < bound && BigInt(text) >= -bound;
  }
  if (type === "date" || type === "timestamp") {
    return forms[type]?.test(text) === true && isDay(text.slice(0, 10));
  }
  return forms[type]?.test(text) ?? true;
}

function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text) && !text.startsWith("0000");
}
