/** Field names of one table: of columns, of references, and of what leads back from others. */

import { camelCase, lowerFirst, pascalCase, snakeCase, upperFirst } from "../model/naming.ts";
import { columnFieldName, reservedFieldNames } from "../model/reserved.ts";
import type { DraftReference } from "./draft.ts";
import { singletonColumn } from "./read-column.ts";

/** Names of one type. */
export class FieldNames {
  readonly #taken = new Set<string>();
  /** Scalars of the columns of references, by column. */
  readonly #scalars = new Map<string, string>();
  /** References that have the name of a scalar. */
  readonly #shadowing = new Set<string>();

  constructor(referenceColumns: Iterable<string>) {
    for (const column of referenceColumns) {
      const name = columnFieldName(column);
      this.#scalars.set(column, name);
      this.#taken.add(name);
    }
  }

  /** The field of a column of its own. */
  column(column: string): string {
    const usual = column === singletonColumn ? "singleton" : camelCase(column);
    return this.#first([reservedFieldNames.get(usual) ?? usual, `${usual}_`]);
  }

  /**
   * The field of a reference: the target's name; where its columns are renamed, what their names say. It may have the name of the scalar
   * of one of its columns, and takes its place then, unless an index asks for that column by itself.
   */
  reference({ columns }: DraftReference, target: string, isNeeded: (column: string) => boolean): string {
    const shadowed = columns
      .filter(({ column }) => columns.length === 1 || !isNeeded(column))
      .map(({ column }) => this.#scalars.get(column));
    for (const name of referenceWishes(columns, target)) {
      if (shadowed.includes(name) && !this.#shadowing.has(name) && !reservedFieldNames.has(name)) {
        this.#shadowing.add(name);
        return name;
      }
      if (this.#isFree(name)) return this.#take(name);
    }
    return this.#first([`${lowerFirst(target)}Reference`]);
  }

  /** A field that leads back. */
  reverse(wishes: readonly string[]): string {
    return this.#first(wishes);
  }

  /** The scalar of a reference's column. */
  scalar(column: string): string | undefined {
    return this.#scalars.get(column);
  }

  #first(wishes: readonly string[]): string {
    const found = wishes.find((name) => this.#isFree(name));
    if (found !== undefined) return this.#take(found);
    for (let number = 2; ; number++) {
      const name = `${wishes[0] ?? "field"}${number}`;
      if (this.#isFree(name)) return this.#take(name);
    }
  }

  /** In `groupBy` names are told apart by their words alone. */
  #isFree(name: string): boolean {
    if (reservedFieldNames.has(name) || !/^[a-z][A-Za-z0-9_]*$/.test(name)) return false;
    return !this.#taken.has(name) && ![...this.#taken].some((other) => snakeCase(other) === snakeCase(name));
  }

  #take(name: string): string {
    this.#taken.add(name);
    return name;
  }
}

function referenceWishes(columns: DraftReference["columns"], target: string): readonly string[] {
  const usual = lowerFirst(target);
  const renamed = columns.filter((pair) => pair.column !== pair.target);
  const [first] = renamed;
  if (first === undefined) return [usual, `${usual}Row`];
  const prefix = commonPrefix(renamed);
  const by = `${usual}By${pascalCase(first.column)}`;
  if (prefix !== undefined)
    return columns.length === 1
      ? [prefix, `${prefix}${upperFirst(target)}`]
      : [`${prefix}${upperFirst(target)}`, prefix, by];
  if (columns.length === 1) return [camelCase(first.column.replace(/_id$/, "")), by];
  const words = commonWords(renamed);
  return words === undefined ? [by] : [words, `${words}${upperFirst(target)}`, by];
}

/** `prev_subject`, `prev_session` for `subject`, `session` → `prev`. */
function commonPrefix(pairs: DraftReference["columns"]): string | undefined {
  const prefixes = new Set(
    pairs.map(({ column, target }) =>
      column.endsWith(`_${target}`) ? column.slice(0, -target.length - 1) : "",
    ),
  );
  const [prefix = ""] = prefixes;
  return prefixes.size === 1 && prefix !== "" ? camelCase(prefix) : undefined;
}

/** `dam_lab`, `dam` → `dam`; of one column nothing. */
function commonWords(pairs: DraftReference["columns"]): string | undefined {
  const [first = [], ...others] = pairs.map(({ column }) => column.split("_"));
  if (others.length === 0) return undefined;
  const end = first.findIndex((word, at) => others.some((other) => other[at] !== word));
  const common = end < 0 ? first : first.slice(0, end);
  return common.length === 0 ? undefined : camelCase(common.join("_"));
}
