/** Names by which an upsert's `on` says what makes two rows the same. */

import type { ColumnSet, Entity } from "../model/model.ts";
import { snakeCase } from "../model/naming.ts";

/** Value of `on` that means the primary key; also where `on` is absent. */
export const keyName = "KEY";

/** The uniques of `entity` by their value of `on`: `NAME`, `RIG_AND_STARTED_AT`. A name that is taken gets `_` behind it. */
export function uniqueNames(entity: Entity): ReadonlyMap<string, ColumnSet> {
  const names = new Map<string, ColumnSet>();
  for (const unique of entity.uniques) {
    let name = [...new Set(unique.fields)].map((field) => snakeCase(field).toUpperCase()).join("_AND_");
    while (name === keyName || names.has(name)) name += "_";
    names.set(name, unique);
  }
  return names;
}
