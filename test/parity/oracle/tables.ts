/** Whole tables as text, read once by plain SELECTs, and the rows that refer to each other. */

import type { Child, Column, Entity, Model, Reference } from "../../../src/model/model.ts";
import { type Kind, kindOf, read, type Value } from "./kinds.ts";

/** Runs one statement; every value of its rows is text or null. */
export type Query = (sql: string) => Promise<readonly Readonly<Record<string, string | null>>[]>;

/** One row as it is stored. */
export class Row {
  readonly entity: Entity;
  readonly cells: Readonly<Record<string, string | null>>;
  readonly #values = new Map<string, Value>();

  constructor(entity: Entity, cells: Readonly<Record<string, string | null>>) {
    this.entity = entity;
    this.cells = cells;
  }

  /** The value of a column; null where there is none. */
  value(column: Column, kind: Kind): Value | null {
    const text = this.cells[column.name] ?? null;
    if (text === null) return null;
    const known = this.#values.get(column.name) ?? read(kind, text);
    this.#values.set(column.name, known);
    return known;
  }

  /** The key as text: what tells the row from all others of its table. */
  get identity(): string {
    return joined(this, this.entity.key) ?? "";
  }
}

/** Cells as one text; absent where one is null. */
function joined(row: Row, columns: readonly string[]): string | undefined {
  const cells = columns.map((name) => row.cells[name] ?? null);
  return cells.includes(null) ? undefined : JSON.stringify(cells);
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** All rows of a model's tables at one instant. */
export class Tables {
  readonly model: Model;
  readonly #rows: ReadonlyMap<string, readonly Row[]>;
  readonly #indexes = new Map<string, ReadonlyMap<string, readonly Row[]>>();
  readonly #kinds = new Map<Column, Kind | undefined>();

  constructor(model: Model, rows: ReadonlyMap<string, readonly Row[]>) {
    this.model = model;
    this.#rows = rows;
  }

  /** Reads every table. */
  static async read(model: Model, query: Query): Promise<Tables> {
    const rows = new Map<string, readonly Row[]>();
    for (const entity of model.entities) {
      const columns = entity.columns.map(({ name }) => `${quoted(name)}::text AS ${quoted(name)}`);
      const from = `${quoted(entity.schema)}.${quoted(entity.table)}`;
      const found = await query(`SELECT xmin::text AS "~version", ${columns.join(", ")} FROM ${from}`);
      rows.set(
        entity.name,
        found.map((cells) => new Row(entity, cells)),
      );
    }
    return new Tables(model, rows);
  }

  of(entity: string): readonly Row[] {
    return this.#rows.get(entity) ?? [];
  }

  kind(column: Column): Kind | undefined {
    if (!this.#kinds.has(column)) this.#kinds.set(column, kindOf(this.model, column));
    return this.#kinds.get(column);
  }

  entity(name: string): Entity {
    const entity = this.model.entity.get(name);
    if (entity === undefined) throw new TypeError(`There is no ${name}.`);
    return entity;
  }

  /** The row that `row` refers to. */
  target(row: Row, reference: Reference): Row | undefined {
    const own = reference.columns.map(({ column }) => column);
    const other = reference.columns.map(({ target }) => target);
    return this.#find(row, own, { entity: reference.target, columns: other })[0];
  }

  /** The rows that refer to `row`. */
  children(row: Row, child: Child): readonly Row[] {
    const reference = this.entity(child.entity).references.find(({ field }) => field === child.reference);
    const pairs = reference?.columns ?? [];
    const own = pairs.map(({ target }) => target);
    const other = pairs.map(({ column }) => column);
    return this.#find(row, own, { entity: child.entity, columns: other });
  }

  #find(
    row: Row,
    own: readonly string[],
    at: { readonly entity: string; readonly columns: readonly string[] },
  ): readonly Row[] {
    const values = joined(row, own);
    const name = JSON.stringify(at);
    const index = this.#indexes.get(name) ?? this.#index(at.entity, at.columns);
    this.#indexes.set(name, index);
    return values === undefined ? [] : (index.get(values) ?? []);
  }

  #index(entity: string, columns: readonly string[]): ReadonlyMap<string, readonly Row[]> {
    const index = new Map<string, Row[]>();
    for (const row of this.of(entity)) {
      const values = joined(row, columns);
      if (values === undefined) continue;
      const found = index.get(values);
      if (found === undefined) index.set(values, [row]);
      else found.push(row);
    }
    return index;
  }
}
