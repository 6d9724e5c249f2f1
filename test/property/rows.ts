/** The rows that a model's tables must hold, told without SQL: made at random, valid by construction. */

import type { Column, Entity, Model, Reference } from "../../src/model/model.ts";
import type { CodecSource } from "./codec-values.ts";
import { codecValue } from "./codec-values.ts";
import type { Random } from "./random.ts";
import { defaultValue, type Given, present, scalarValue } from "./scalar-values.ts";

/** One row: what was sent for it and what it must hold. */
export interface Row {
  readonly entity: Entity;
  /** By stored column; codec values included. */
  readonly cells: Map<string, unknown>;
  /** Inputs by stored column; what was left out is absent. */
  readonly given: Map<string, unknown>;
  /** Elements of the lists of codec values, by field. */
  readonly lists: Map<string, readonly Given[]>;
  /** As the service answered them. */
  id: string;
  version: string;
}

/** What codec values of a row's field are made with. */
export type SourceOf = (row: Row, field: string) => CodecSource;

/** Columns declared by a field; those of references come from the rows referred to. */
export function attributes(entity: Entity): readonly Column[] {
  return entity.columns.filter(({ origin }) => origin === "attribute");
}

/** Values of some columns as one text; undefined where one is null. */
export function valuesOf(row: Row, columns: readonly string[]): string | undefined {
  const values = columns.map((name) => row.cells.get(name));
  if (values.some((value) => value === null || value === undefined)) return undefined;
  return JSON.stringify(values.map((value) => (value === present ? "now" : value)));
}

/** All rows of one model. */
export class Rows {
  readonly model: Model;
  /** Entities with root fields, in an order in which each comes after those it requires. */
  readonly entities: readonly Entity[];
  readonly #random: Random;
  readonly #rows = new Map<string, Row[]>();

  constructor(model: Model, random: Random) {
    this.model = model;
    this.#random = random;
    this.entities = model.entities.filter(({ listOf }) => listOf === undefined);
    for (const { name } of this.entities) this.#rows.set(name, []);
  }

  of(entity: string): readonly Row[] {
    return this.#rows.get(entity) ?? [];
  }

  all(): readonly Row[] {
    return [...this.#rows.values()].flat();
  }

  remove(rows: ReadonlySet<Row>): void {
    for (const [name, kept] of this.#rows)
      this.#rows.set(
        name,
        kept.filter((row) => !rows.has(row)),
      );
  }

  /** The row that `row` refers to. */
  target(row: Row, reference: Reference): Row | undefined {
    const wanted = valuesOf(
      row,
      reference.columns.map(({ column }) => column),
    );
    if (wanted === undefined) return undefined;
    const key = reference.columns.map(({ target }) => target);
    return this.of(reference.target).find((one) => valuesOf(one, key) === wanted);
  }

  /** Rows of `entity` that refer to `row` by `field`. */
  referrers(row: Row, entity: string, field: string): readonly Row[] {
    const reference = this.model.entity.get(entity)?.references.find((one) => one.field === field);
    if (reference === undefined) return [];
    const key = valuesOf(
      row,
      reference.columns.map(({ target }) => target),
    );
    const columns = reference.columns.map(({ column }) => column);
    return this.of(entity).filter((one) => valuesOf(one, columns) === key);
  }

  /** Adds random rows to every table. */
  async fill(source: SourceOf): Promise<void> {
    for (const entity of this.entities) {
      const wanted = 1 + this.#random.below(this.#random.chance(0.15) ? 14 : 4);
      for (let tries = 0; tries < wanted * 2 && this.of(entity.name).length < wanted; tries++) {
        await this.add(entity, source);
      }
    }
  }

  /** Adds one random row; undefined where none fits. */
  async add(entity: Entity, source: SourceOf): Promise<Row | undefined> {
    const row = this.#make(entity);
    if (row === undefined) return undefined;
    await this.#fillCodecs(row, source);
    this.#rows.get(entity.name)?.push(row);
    return row;
  }

  #make(entity: Entity): Row | undefined {
    const row: Row = { entity, cells: new Map(), given: new Map(), lists: new Map(), id: "", version: "" };
    const references = [...entity.references].sort((a, b) => Number(a.nullable) - Number(b.nullable));
    for (const reference of references) if (!this.#refer(row, reference)) return undefined;
    for (const column of attributes(entity))
      if (column.type.codec === undefined) this.#fillScalar(row, column);
    for (const reference of references)
      if (reference.target === entity.name) this.#referToItself(row, reference);
    return this.collides(row) ? undefined : row;
  }

  #refer(row: Row, reference: Reference): boolean {
    const found = this.candidates(row, reference);
    if (found.length === 0 || (reference.nullable && this.#random.chance(0.3))) {
      for (const { column } of reference.columns) if (!row.cells.has(column)) row.cells.set(column, null);
      return reference.nullable;
    }
    setReference(row, reference, this.#random.pick(found));
    return true;
  }

  /** Rows that a reference may name, given what the row's other columns hold. */
  candidates(row: Row, reference: Reference): readonly Row[] {
    return this.of(reference.target).filter((one) =>
      reference.columns.every(
        ({ column, target }) =>
          !row.cells.has(column) ||
          JSON.stringify(row.cells.get(column)) === JSON.stringify(one.cells.get(target)),
      ),
    );
  }

  #referToItself(row: Row, reference: Reference): void {
    const isFree = reference.columns.every(({ column }) => row.cells.get(column) === null);
    if (isFree && this.#random.chance(0.2)) setReference(row, reference, row);
  }

  #fillScalar(row: Row, column: Column): void {
    const { name } = column;
    const random = this.#random;
    const hasDefault = typeof column.default === "string";
    if ((column.nullable || hasDefault) && random.chance(0.3)) {
      row.cells.set(name, defaultValue(column, this.model));
      if (random.chance(0.5)) row.given.set(name, null);
      return;
    }
    const { input, want } = this.value(row.entity, column);
    row.cells.set(name, want);
    row.given.set(name, input);
  }

  /** A random value of a column without a codec. */
  value(entity: Entity, column: Column): Given {
    const sets = [entity.key, ...[...entity.uniques, ...entity.indexes].map(({ columns }) => columns)];
    const short = sets.some((set) => set.includes(column.name));
    return scalarValue(this.#random, column, { model: this.model, short });
  }

  async #fillCodecs(row: Row, source: SourceOf): Promise<void> {
    for (const column of attributes(row.entity)) {
      const use = column.type.codec;
      if (use === undefined) continue;
      if (column.nullable && this.#random.chance(0.3)) {
        row.cells.set(column.name, null);
        if (this.#random.chance(0.5)) row.given.set(column.name, null);
        continue;
      }
      const { input, want } = await codecValue(this.#random, use, source(row, column.field));
      row.cells.set(column.name, withStore(want, use.name, use.store));
      row.given.set(column.name, input);
    }
    for (const { field } of row.entity.lists) row.lists.set(field, await this.elements(row, field, source));
  }

  /** Random elements for a list of codec values. */
  async elements(row: Row, field: string, source: SourceOf): Promise<readonly Given[]> {
    const part = row.entity.lists.find((list) => list.field === field)?.entity ?? "";
    const use = this.model.entity.get(part)?.columns.find(({ name }) => name === "value")?.type.codec;
    const elements: Given[] = [];
    for (let left = this.#random.below(3); use !== undefined && left > 0; left--) {
      const { input, want } = await codecValue(this.#random, use, source(row, field));
      elements.push({ input, want: withStore(want, use.name, use.store) });
    }
    return elements;
  }

  /** Whether another row has the same key or the same values in a unique. */
  collides(row: Row, self?: Row): boolean {
    const { key, uniques, references } = row.entity;
    const sets = [
      key,
      ...uniques.map(({ columns }) => columns),
      ...references.filter(({ unique }) => unique).map(({ columns }) => columns.map(({ column }) => column)),
    ];
    return sets.some((set) => {
      const values = valuesOf(row, set);
      const others = this.of(row.entity.name).filter((one) => one !== self);
      return values !== undefined && others.some((one) => valuesOf(one, set) === values);
    });
  }
}

/** Lets the row's columns name `target`. */
export function setReference(row: Row, reference: Reference, target: Row): void {
  for (const pair of reference.columns) row.cells.set(pair.column, target.cells.get(pair.target));
}

/** References to own files tell their store too. */
export function withStore(want: unknown, codec: string, store: string | undefined): unknown {
  return codec === "filepath" && typeof want === "object" ? { ...want, store } : want;
}
