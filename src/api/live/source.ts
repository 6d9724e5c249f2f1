/** Which rows of an entity an entry tells of: those of its own table, and the masters of its lists of codec values. */

import type { ChangeEntry, ChangeRange } from "../../db/changes.ts";
import type { Entity, Model } from "../../model/model.ts";
import { parseExact } from "../json-text.ts";

/** An entry as a change of an entity's rows. */
export interface Source {
  readonly operation: "INSERT" | "UPDATE" | "DELETE";
  /** See `ChangeShape`. */
  readonly positions: readonly number[];
  readonly old: number | undefined;
  /** JSON, see {@link ChangeEntry.rows}. */
  readonly rows: string;
  /** The entry's row that the `n`-th of {@link rows} is, both from 1. */
  rowOf(n: number): number;
}

/** The tables whose changes are changes of the entity. */
export function tablesOf(model: Model, entity: Entity): ChangeRange["tables"] {
  const parts = entity.lists.flatMap((list) => model.entity.get(list.entity) ?? []);
  return [entity, ...parts].map(({ schema, table }) => ({ schema, table }));
}

/** What the entry says of the entity; nothing where its key cannot be read as the entity's. */
export function sourceOf(model: Model, entity: Entity, entry: ChangeEntry): Source | undefined {
  const { operation } = entry;
  if (operation === "TRUNCATE") return undefined;
  if (entry.schema === entity.schema && entry.table === entity.table) {
    const positions = positionsOf(entry, entity.key);
    const old = operation === "INSERT" ? undefined : entry.keyColumns.length;
    return positions && { operation, positions, old, rows: entry.rows, rowOf: (n) => n };
  }
  const part = model.entities.find(({ schema, table }) => schema === entry.schema && table === entry.table);
  const reference = part?.references.find(({ target }) => target === entity.name);
  const own = entity.key.map(
    (name) => reference?.columns.find(({ target }) => target === name)?.column ?? "",
  );
  const positions = positionsOf(entry, own);
  return positions && masters(entry, positions);
}

function positionsOf({ keyColumns }: ChangeEntry, names: readonly string[]): readonly number[] | undefined {
  const positions = names.map((name) => keyColumns.indexOf(name));
  return positions.includes(-1) ? undefined : positions;
}

/** A change in a list is an update of its master; each master is told once an entry. */
function masters(entry: ChangeEntry, positions: readonly number[]): Source {
  // What the trigger wrote: a list of lists.
  const rows = parseExact(entry.rows) as readonly (readonly unknown[])[];
  const first = new Map<string, number>();
  for (const [index, row] of rows.entries()) {
    const key = JSON.stringify(positions.map((at) => row[at] ?? null));
    if (!first.has(key)) first.set(key, index + 1);
  }
  const numbers = [...first.values()];
  return {
    operation: "UPDATE",
    positions: positions.map((_, index) => index),
    old: undefined,
    rows: `[${[...first.keys()].join(",")}]`,
    rowOf: (n) => numbers[n - 1] ?? n,
  };
}
