/** What a write must do to tables and answer, after docs/reference/mutations.md. */

import type { Entity } from "../../../src/model/model.ts";
import { compare } from "./kinds.ts";
import { type Cells, keyOf, type State, type Stored } from "./state.ts";

/** What must come of a write: a refusal that changes nothing, or rows, counts and tables. */
export type Outcome =
  | { readonly code: string }
  | {
      readonly after: State;
      /** Keys of the rows of the payload, in order. */
      readonly rows: readonly Stored[];
      readonly skipped: number;
      readonly affected: ReadonlyMap<string, number>;
    };

const tableOf = ({ schema, table }: Entity): string => `${schema}.${table}`;

function counted(rows: Iterable<Stored>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { entity } of rows) counts.set(tableOf(entity), (counts.get(tableOf(entity)) ?? 0) + 1);
  return counts;
}

/** Rows in the order of their keys. */
export function inKeyOrder(state: State, rows: readonly Stored[]): readonly Stored[] {
  return [...rows].sort((a, b) => {
    for (const name of a.entity.key) {
      const column = a.entity.columns.find((one) => one.name === name);
      const kind = column === undefined ? undefined : state.tables.kind(column);
      const [x, y] = [a.cells.get(name) ?? null, b.cells.get(name) ?? null];
      if (kind === undefined || x === null || y === null) continue;
      const sign = compare(kind, x, y);
      if (sign !== 0) return sign;
    }
    return 0;
  });
}

/** `updateX` and `updateXs`: the same cells in every row. */
export function update(state: State, rows: readonly Stored[], set: Cells): Outcome {
  const written = rows.map(({ entity, cells }) => ({ entity, cells: new Map([...cells, ...set]) }));
  const after = state.changed(written);
  const [first] = rows;
  if (first !== undefined && after.collides(first.entity)) return { code: "CONSTRAINT_VIOLATION" };
  return { after, rows, skipped: 0, affected: set.size === 0 ? new Map() : counted(rows) };
}

/** Rows of lists and parts go with what they belong to. */
function belongings(state: State, row: Stored): readonly Stored[] {
  return state.tables.model.entities.flatMap((part) => {
    const belongs = part.listOf?.entity === row.entity.name || part.partOf === row.entity.name;
    const references = part.references.filter(({ target, inKey }) => inKey && target === row.entity.name);
    // A part may refer to its master's type more than once in its key; the first reference is the one to its master.
    const [own] = references;
    return belongs && own !== undefined ? state.referrers(row, part.name, own) : [];
  });
}

function withBelongings(state: State, rows: Iterable<Stored>): ReadonlyMap<string, Stored> {
  const all = new Map([...rows].map((row) => [nameOf(row), row]));
  for (const row of all.values()) for (const one of belongings(state, row)) all.set(nameOf(one), one);
  return all;
}

const nameOf = (row: Stored): string => `${row.entity.name} ${keyOf(row)}`;

/** Everything that refers to the rows, and the masters of parts that go. */
function closure(state: State, starts: readonly Stored[]): ReadonlyMap<string, Stored> {
  const first = new Set(starts.map(nameOf));
  const all = new Map(starts.map((row) => [nameOf(row), row]));
  for (const row of all.values()) {
    for (const entity of state.tables.model.entities)
      for (const reference of entity.references)
        if (reference.target === row.entity.name)
          for (const one of state.referrers(row, entity.name, reference)) all.set(nameOf(one), one);
    const { partOf, listOf, references } = row.entity;
    const up = references.find(({ target, inKey }) => inKey && target === partOf);
    if (listOf !== undefined || up === undefined || first.has(nameOf(row))) continue;
    for (const master of state.of(up.target))
      if (state.referrers(master, row.entity.name, up).includes(row)) all.set(nameOf(master), master);
  }
  return all;
}

/** `deleteX` and `deleteXs`. */
export function remove(
  state: State,
  rows: readonly Stored[],
  { cascade, dryRun }: { readonly cascade: boolean; readonly dryRun: boolean },
): Outcome {
  const own = withBelongings(state, rows);
  const all = closure(state, rows);
  if (!cascade && [...all.keys()].some((name) => !own.has(name))) return { code: "CONSTRAINT_VIOLATION" };
  const gone = cascade ? [...all.values()] : [...own.values()];
  return { after: dryRun ? state : state.changed([], gone), rows, skipped: 0, affected: counted(gone) };
}

/** `createXs`. What is not given is null. */
export function create(
  state: State,
  given: readonly Stored[],
  onConflict: "ABORT" | "SKIP" | "UPDATE",
): Outcome {
  const isThere = (row: Stored) => state.find(row) !== undefined;
  if (onConflict === "ABORT" && (given.some(isThere) || new Set(given.map(keyOf)).size < given.length))
    return { code: "CONSTRAINT_VIOLATION" };
  const taken = onConflict === "SKIP" ? given.filter((row) => !isThere(row)) : given;
  const written = taken.map((row) => merged(state.find(row), row));
  const after = state.changed(written);
  const [first] = written;
  if (first !== undefined && after.collides(first.entity)) return { code: "CONSTRAINT_VIOLATION" };
  const changed = written.filter((_, index) => {
    const one = taken[index];
    return onConflict !== "UPDATE" || one === undefined || isChanged(state, one);
  });
  return { after, rows: written, skipped: given.length - taken.length, affected: counted(changed) };
}

/** `upsertX` by the key: a row that changes nothing is not written. */
export function upsert(state: State, given: Stored): Outcome {
  const before = state.find(given);
  const row = merged(before, given);
  const after = state.changed([row]);
  if (after.collides(row.entity)) return { code: "CONSTRAINT_VIOLATION" };
  return { after, rows: [row], skipped: 0, affected: counted(isChanged(state, given) ? [row] : []) };
}

/** Whether a row is not there yet, or has not all that is given. */
function isChanged(state: State, given: Stored): boolean {
  const before = state.find(given);
  return (
    before === undefined ||
    [...given.cells].some(([name, value]) => {
      const column = given.entity.columns.find((one) => one.name === name);
      const kind = column === undefined ? undefined : state.tables.kind(column);
      const was = before.cells.get(name) ?? null;
      if (was === null || value === null || kind === undefined) return was !== value;
      // Zero and negative zero differ here.
      if (typeof was === "number" && typeof value === "number" && was === 0 && value === 0)
        return !Object.is(was, value);
      return compare(kind, was, value) !== 0;
    })
  );
}

/** The row there is with what is given, or a new one. */
function merged(before: Stored | undefined, { entity, cells }: Stored): Stored {
  const empty = entity.columns.map(({ name }) => [name, null] as const);
  return { entity, cells: new Map([...(before?.cells ?? empty), ...cells]) };
}
