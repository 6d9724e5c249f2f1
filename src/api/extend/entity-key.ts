/** Keys of rows as extensions give them: objects with the key's fields, or ids. */

import type { Entity, Model } from "../../model/model.ts";
import { columnValue } from "../../plan/column-value.ts";
import { parseId } from "../node-id.ts";
import { keyColumns } from "../schema-sdl-input.ts";

/** PostgreSQL text of the key's columns, in their order. @throws TypeError where the value names no row of the entity. */
export function entityKey(model: Model, entity: Entity, value: unknown): readonly string[] {
  if (typeof value === "string") return keyOfId(model, entity, value);
  if (value === null || typeof value !== "object") throw unfit(entity, value);
  // Any object may stand for a row: a key, a row of a loader, the rows of one's own SQL.
  const given = value as Readonly<Record<string, unknown>>;
  const columns = keyColumns(entity);
  if (columns.every(({ field }) => given[field] !== undefined && given[field] !== null)) {
    return columns.map((column) => {
      const cell = columnValue(column, given[column.field], { field: column.field, enums: model.enum });
      return cell.kind === "text" ? cell.text : cell.json;
    });
  }
  if (typeof given["id"] === "string") return keyOfId(model, entity, given["id"]);
  throw unfit(entity, value);
}

function keyOfId(model: Model, entity: Entity, id: string): readonly string[] {
  const parsed = parseId(model, id);
  if (parsed?.entity.name !== entity.name) throw unfit(entity, id);
  return parsed.key;
}

function unfit(entity: Entity, value: unknown): TypeError {
  const key = keyColumns(entity).map(({ field }) => field);
  const shown = (JSON.stringify(value) ?? String(value)).slice(0, 100);
  return new TypeError(`${shown} names no row of ${entity.name}: give {${key.join(", ")}}, or an id of it.`);
}
