/** Create inputs: rows in bulk, with their children nested, and with the rows that they refer to made on the way. */

import type { Reference } from "../../src/model/model.ts";
import type { Random } from "./random.ts";
import { children, keyInput, type Node } from "./requests.ts";
import { attributes, type Row, type Rows } from "./rows.ts";

/** What one request creates. */
export interface Creation {
  readonly entity: string;
  readonly inputs: readonly Node[];
  /** All rows written, nested ones included. */
  readonly written: ReadonlySet<Row>;
}

/** Turns rows into requests; every row is written once. */
export class Creations {
  readonly #rows: Rows;
  readonly #random: Random;
  readonly #done = new Set<Row>();
  /** Rows that wait for the one that refers to them, which will create them. */
  readonly #postponed = new Map<Row, { by: Row; reference: Reference }>();

  constructor(rows: Rows, random: Random) {
    this.#rows = rows;
    this.#random = random;
  }

  /** Requests in an order that works. */
  *all(): Generator<Creation> {
    for (const entity of this.#rows.entities) {
      for (const row of this.#rows.of(entity.name)) this.#maybePostpone(row);
      const waiting = () =>
        this.#rows.of(entity.name).filter((row) => !this.#done.has(row) && !this.#postponed.has(row));
      const makers = new Set([...this.#postponed.values()].map(({ by }) => by));
      for (const row of waiting()) {
        if (this.#done.has(row)) continue;
        if (makers.has(row) || (this.#random.chance(0.15) && this.#standsAlone(row)))
          yield this.#create(entity.name, [row]);
      }
      const rest = waiting();
      if (rest.length > 0) yield this.#create(entity.name, rest);
    }
  }

  /** The input of one new row that refers to rows which are there. */
  one(row: Row): Node {
    this.#done.add(row);
    return this.#input(row, new Set());
  }

  #create(entity: string, rows: readonly Row[]): Creation {
    const written = new Set<Row>();
    for (const row of rows) this.#done.add(row);
    const inputs = rows.map((row) => this.#input(row, written));
    return { entity, inputs, written };
  }

  /** Nothing of its own table is needed before. */
  #standsAlone(row: Row): boolean {
    return row.entity.references.every((reference) => {
      const target = this.#rows.target(row, reference);
      return target === undefined || target === row || this.#done.has(target) || this.#postponed.has(target);
    });
  }

  /** Sometimes a row that exactly one other row refers to is left to that row's `create`. */
  #maybePostpone(row: Row): void {
    if (!this.#random.chance(0.1) || this.#done.has(row)) return;
    const referring = children(this.#rows.model, row.entity).flatMap((child) =>
      this.#rows.referrers(row, child.entity, child.reference).map((by) => ({ by, field: child.reference })),
    );
    const [only] = referring;
    if (only === undefined || referring.length > 1 || only.by.entity === row.entity) return;
    const { by, field } = only;
    const others = by.entity.references.flatMap((reference) => {
      const target = this.#rows.target(by, reference);
      return target === undefined || reference.field === field ? [] : [target];
    });
    const isRefused =
      this.#done.has(by) || this.#postponed.has(by) || others.some((one) => one.entity === by.entity);
    const reference = by.entity.references.find((one) => one.field === field);
    const isBusy = [...this.#postponed.values()].some((one) => one.by === by);
    if (isRefused || isBusy || reference === undefined || !this.#standsAlone(row)) return;
    this.#postponed.set(row, { by, reference });
  }

  #input(row: Row, written: Set<Row>, through?: Reference): Node {
    written.add(row);
    const input: Record<string, unknown> = {};
    for (const column of attributes(row.entity))
      if (row.given.has(column.name)) input[column.field] = row.given.get(column.name);
    for (const reference of row.entity.references) {
      if (reference === through) continue;
      const target = this.#rows.target(row, reference);
      if (target !== undefined) input[reference.field] = this.#reference(target, row, written);
      else if (this.#random.chance(0.3)) input[reference.field] = null;
    }
    for (const [field, elements] of row.lists)
      if (elements.length > 0 || this.#random.chance(0.5))
        input[field] = elements.map(({ input: one }) => one);
    return { ...input, ...this.#children(row, written) };
  }

  #reference(target: Row, by: Row, written: Set<Row>): Node {
    if (this.#postponed.get(target)?.by !== by || this.#done.has(target)) return { key: keyInput(target) };
    this.#done.add(target);
    return { create: this.#input(target, written) };
  }

  /** Rows that need nothing but this one and what is written already. */
  #children(row: Row, written: Set<Row>): Node {
    const nested: Record<string, unknown> = {};
    for (const child of children(this.#rows.model, row.entity)) {
      const isPart = child.target.partOf === row.entity.name;
      if (!this.#random.chance(isPart ? 0.6 : 0.25)) continue;
      const reference = child.target.references.find(({ field }) => field === child.reference);
      const found = this.#rows
        .referrers(row, child.entity, child.reference)
        .filter((one) => this.#fits(one, reference));
      const inputs = found.map((one) => {
        this.#done.add(one);
        return this.#input(one, written, reference);
      });
      if (inputs.length > 0) nested[child.field] = child.unique ? inputs[0] : inputs;
    }
    return nested;
  }

  #fits(row: Row, through: Reference | undefined): boolean {
    if (this.#done.has(row) || this.#postponed.has(row)) return false;
    if ([...this.#postponed.values()].some(({ by }) => by === row)) return false;
    return row.entity.references.every((reference) => {
      const target = this.#rows.target(row, reference);
      if (reference === through || target === undefined) return true;
      // What this very request writes in bulk is not surely there yet.
      return this.#done.has(target) && target.id !== "";
    });
  }
}
