/** Filters that find rows by their keys, through references where no scalar shows a column. */

import type { Entity, Model } from "../../src/model/model.ts";
import type { Node } from "./requests.ts";
import type { Row } from "./rows.ts";

/** A filter that only this row fits. */
export function keyWhere(model: Model, row: Row): Node {
  return {
    and: row.entity.key.map((name) => columnWhere(model, row.entity, { name, value: row.cells.get(name) })),
  };
}

function columnWhere(model: Model, entity: Entity, at: { name: string; value: unknown }): Node {
  const column = entity.columns.find(({ name }) => name === at.name);
  if (column?.exposed === true) return { [column.field]: { eq: at.value } };
  for (const reference of entity.references) {
    const pair = reference.columns.find((one) => one.column === at.name);
    const target = model.entity.get(reference.target);
    if (pair === undefined || target === undefined) continue;
    return { [reference.field]: columnWhere(model, target, { name: pair.target, value: at.value }) };
  }
  throw new Error(`Nothing shows ${entity.name}.${at.name}.`);
}
