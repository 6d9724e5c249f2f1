/** Columns of an entity by name: wide tables are looked into for each of their columns. */

import type { Column, Entity } from "./model.ts";

interface Columns {
  readonly byName: ReadonlyMap<string, Column>;
  readonly byField: ReadonlyMap<string, Column>;
}

/** A model never changes, so what is told of it once holds. */
const known = new WeakMap<Entity, Columns>();

/** The column of that name in the table. */
export function columnNamed(entity: Entity, name: string): Column | undefined {
  return columnsOf(entity).byName.get(name);
}

/** The column that the API shows as that field. */
export function columnOfField(entity: Entity, field: string): Column | undefined {
  return columnsOf(entity).byField.get(field);
}

function columnsOf(entity: Entity): Columns {
  const found = known.get(entity);
  if (found !== undefined) return found;
  const exposed = entity.columns.filter((column) => column.exposed);
  const columns = {
    byName: new Map(entity.columns.map((column) => [column.name, column])),
    byField: new Map(exposed.map((column) => [column.field, column])),
  };
  known.set(entity, columns);
  return columns;
}
