/** Tables as a write leaves them, told without SQL: rows by their keys, cells by their values. */

import type { Column, Entity, Reference } from "../../../src/model/model.ts";
import { exactText, trimmed } from "./exact.ts";
import { compare, type Value } from "./kinds.ts";
import type { Row, Tables } from "./tables.ts";

/** Cells by column; of codecs the stored text. */
export type Cells = ReadonlyMap<string, Value | null>;

/** One row of one table. */
export interface Stored {
  readonly entity: Entity;
  readonly cells: Cells;
}

/** A value as text that equal values share. */
function plain(value: Value | null | undefined): string {
  if (typeof value === "object" && value !== null && "units" in value && "scale" in value)
    return exactText(trimmed(value as { units: bigint; scale: number })); // of the kind "exact"
  // Zero has one text, with a sign or without.
  return typeof value === "number" ? String(value + 0) : JSON.stringify(value ?? null);
}

/** Some columns of a row as one text; absent where one is null. */
function valuesOf({ cells }: Stored, columns: readonly string[]): string | undefined {
  const values = columns.map((name) => cells.get(name) ?? null);
  return values.includes(null) ? undefined : values.map(plain).join("\n");
}

/** The key of a row as text. */
export const keyOf = (row: Stored): string => valuesOf(row, row.entity.key) ?? "";

/** A row as it was read. */
export function stored(tables: Tables, row: Row): Stored {
  const cells = row.entity.columns.map((column): [string, Value | null] => {
    const kind = tables.kind(column);
    if (kind === undefined) return [column.name, row.cells[column.name] ?? null];
    const value = row.value(column, kind);
    return [column.name, kind.name === "single" && value !== null ? Math.fround(Number(value)) : value];
  });
  return { entity: row.entity, cells: new Map(cells) };
}

/** All rows of a model. */
export class State {
  readonly tables: Tables;
  readonly #rows: ReadonlyMap<string, ReadonlyMap<string, Stored>>;

  constructor(tables: Tables, rows?: ReadonlyMap<string, ReadonlyMap<string, Stored>>) {
    this.tables = tables;
    this.#rows =
      rows ??
      new Map(
        tables.model.entities.map(({ name }) => {
          const all = tables.of(name).map((row) => stored(tables, row));
          return [name, new Map(all.map((row) => [keyOf(row), row]))];
        }),
      );
  }

  of(entity: string): readonly Stored[] {
    return [...(this.#rows.get(entity)?.values() ?? [])];
  }

  find(row: Stored): Stored | undefined {
    return this.#rows.get(row.entity.name)?.get(keyOf(row));
  }

  /** With these rows in the place of those with their keys, and without others. */
  changed(put: readonly Stored[], gone: readonly Stored[] = []): State {
    const rows = new Map([...this.#rows].map(([name, all]) => [name, new Map(all)]));
    for (const row of gone) rows.get(row.entity.name)?.delete(keyOf(row));
    for (const row of put) rows.get(row.entity.name)?.set(keyOf(row), row);
    return new State(this.tables, rows);
  }

  /** Whether two rows of an entity share what only one may have. */
  collides({ name, uniques, references }: Entity): boolean {
    const sets = [
      ...uniques.map(({ columns }) => columns),
      ...references.filter(({ unique }) => unique).map(({ columns }) => columns.map(({ column }) => column)),
    ];
    return sets.some((set) => {
      const values = this.of(name).flatMap((row) => valuesOf(row, set) ?? []);
      return new Set(values).size < values.length;
    });
  }

  /** The rows that refer to `row` by `reference` of `entity`. */
  referrers(row: Stored, entity: string, reference: Reference): readonly Stored[] {
    const own = valuesOf(
      row,
      reference.columns.map(({ target }) => target),
    );
    const columns = reference.columns.map(({ column }) => column);
    return this.of(entity).filter((one) => valuesOf(one, columns) === own);
  }

  /** The first difference to another state; absent where there is none. */
  difference(found: State): string | undefined {
    for (const { name, columns } of this.tables.model.entities) {
      const [mine, others] = [this.of(name), found.of(name)];
      const extra = others.find((row) => this.find(row) === undefined);
      if (extra !== undefined) return `${name} has ${keyOf(extra)}, which must not be there`;
      for (const row of mine) {
        const other = found.find(row);
        if (other === undefined) return `${name} lacks ${keyOf(row)}`;
        const wrong = columns.find((column) => !this.#isEqual(column, row, other));
        if (wrong !== undefined)
          return `${name} ${keyOf(row)}: ${wrong.name} is ${plain(other.cells.get(wrong.name))}, but must be ${plain(row.cells.get(wrong.name))}`;
      }
    }
    return undefined;
  }

  #isEqual(column: Column, a: Stored, b: Stored): boolean {
    const [x, y] = [a.cells.get(column.name) ?? null, b.cells.get(column.name) ?? null];
    const kind = this.tables.kind(column);
    if (x === null || y === null || kind === undefined) return x === y;
    return compare(kind, x, y) === 0;
  }
}
