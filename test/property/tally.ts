/** What occurred over all models, so that a generator that makes nothing of a kind is noticed. */

import type { Creation } from "./inputs.ts";
import type { Row, Rows } from "./rows.ts";

/** Everything that must occur. */
export const occasions = [
  "row",
  "part",
  "row of another database schema",
  "null reference",
  "row that refers to itself",
  "row that refers to another of its table",
  "nested row",
  "row made by a reference",
  "enum with another stored text",
  "<attach> in row",
  "<attach> in store",
  "<blob> in row",
  "<blob> in store",
  "<filepath> in store",
  "<hash> in store",
  "<npy> in store",
  "<object> in store",
  "list of <attach>",
  "list of <blob>",
  "list of <filepath>",
  "list of <hash>",
  "list of <npy>",
  "list of <object>",
  "upload",
] as const;

type Occasion = (typeof occasions)[number];

/** Counts of occasions. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(occasion: Occasion | string, more = 1): void {
    this.#counts.set(occasion, (this.#counts.get(occasion) ?? 0) + more);
  }

  of(occasion: Occasion): number {
    return this.#counts.get(occasion) ?? 0;
  }

  /** Counts what one request creates. */
  addCreation(rows: Rows, { entity, inputs, written }: Creation): void {
    this.add("nested row", written.size - inputs.length);
    if ([...written].some((row) => row.entity.name !== entity && isReferredTo(rows, row, written)))
      this.add("row made by a reference");
    for (const row of written) this.#addRow(rows, row);
  }

  #addRow(rows: Rows, row: Row): void {
    const { entity } = row;
    this.add("row");
    if (entity.partOf !== undefined) this.add("part");
    if (entity.schema !== rows.model.schema) this.add("row of another database schema");
    for (const reference of entity.references) {
      const target = rows.target(row, reference);
      if (target === undefined) this.add("null reference");
      if (target === row) this.add("row that refers to itself");
      else if (target?.entity === entity) this.add("row that refers to another of its table");
    }
    for (const { name, type } of entity.columns) {
      const value = row.cells.get(name) ?? null;
      if (value === null) continue;
      if (type.codec !== undefined)
        this.add(`<${type.codec.name}> in ${type.codec.store === undefined ? "row" : "store"}`);
      const known = type.enum === undefined ? undefined : rows.model.enum.get(type.enum)?.values;
      if (known?.some((one) => one.name === value && one.stored !== one.name) === true)
        this.add("enum with another stored text");
    }
    for (const list of entity.lists) {
      const part = rows.model.entity.get(list.entity);
      const codec = part?.columns.find(({ name }) => name === "value")?.type.codec;
      this.add(`list of <${codec?.name}>`, row.lists.get(list.field)?.length ?? 0);
    }
  }
}

/** Whether a row of the same request, of another table, refers to `row`, which refers to none of them. */
function isReferredTo(rows: Rows, row: Row, written: ReadonlySet<Row>): boolean {
  const refers = (one: Row, other: Row): boolean =>
    one.entity.references.some((reference) => rows.target(one, reference) === other);
  const others = [...written].filter((one) => one !== row);
  return others.some((one) => refers(one, row)) && !others.some((one) => refers(row, one));
}
