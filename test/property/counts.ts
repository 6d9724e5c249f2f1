/** Counts of rows by table, as `affected` has them. */

import type { Entity, Model } from "../../src/model/model.ts";
import type { Row } from "./rows.ts";

/** Rows of one table in an answer. */
export interface TableCount {
  readonly table: string;
  readonly count: number;
}

/** Rows and elements of their lists, by table. */
export function counted(model: Model, rows: Iterable<Row>): TableCount[] {
  const counts = new Map<string, number>();
  const add = (entity: Entity | undefined, more: number): void => {
    const table = `${entity?.schema}.${entity?.table}`;
    if (more > 0) counts.set(table, (counts.get(table) ?? 0) + more);
  };
  for (const row of rows) {
    add(row.entity, 1);
    for (const list of row.entity.lists)
      add(model.entity.get(list.entity), row.lists.get(list.field)?.length ?? 0);
  }
  return sorted([...counts].map(([table, count]) => ({ table, count })));
}

/** By table, without tables of which nothing was touched. */
export function sorted(counts: readonly TableCount[]): TableCount[] {
  return counts.filter(({ count }) => count > 0).sort((a, b) => (a.table < b.table ? -1 : 1));
}
