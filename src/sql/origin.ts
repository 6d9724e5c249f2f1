/** Where the columns of references come from. */

import type { Column, Entity, Model } from "../model/model.ts";

/** The attribute that a column of a reference was made from, through any number of references. */
export function originOf(
  model: Model,
  entity: Entity,
  column: Column,
): { readonly entity: Entity; readonly column: Column } {
  const seen = new Set<Column>();
  let at = { entity, column };
  while (at.column.origin === "reference" && !seen.has(at.column)) {
    seen.add(at.column);
    const next = parentOf(model, at.entity, at.column.name);
    if (next === undefined) break;
    at = next;
  }
  return at;
}

/** The column that a column of a reference copies; of several references the first counts. */
function parentOf(
  model: Model,
  entity: Entity,
  column: string,
): { readonly entity: Entity; readonly column: Column } | undefined {
  for (const reference of entity.references) {
    const pair = reference.columns.find((candidate) => candidate.column === column);
    const target = pair === undefined ? undefined : model.entity.get(reference.target);
    const found = target?.columns.find((candidate) => candidate.name === pair?.target);
    if (target !== undefined && found !== undefined) return { entity: target, column: found };
  }
  return undefined;
}
