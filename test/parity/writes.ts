/** Random writes: each done by the service and told by the oracle, answers and whole tables compared. */

import { coerceInputValue, type GraphQLSchema, isInputObjectType } from "graphql";
import type { Column, Entity } from "../../src/model/model.ts";
import type { Random } from "../property/random.ts";
import { capital } from "../property/requests.ts";
import { scalarValue } from "../property/scalar-values.ts";
import { difference } from "./compare.ts";
import type { Inputs } from "./generate/inputs.ts";
import type { Operations } from "./generate/operation.ts";
import { type Json, NumberText } from "./json.ts";
import { answer, hasNoOrder, type Known, type Request } from "./oracle/answer.ts";
import { Features } from "./oracle/features.ts";
import { fits } from "./oracle/filter.ts";
import { readOperand, show, type Value } from "./oracle/kinds.ts";
import { opaque, opaqueParts } from "./oracle/meanings.ts";
import { type Cells, keyOf, State, type Stored, stored } from "./oracle/state.ts";
import { create, inKeyOrder, type Outcome, remove, update, upsert } from "./oracle/writes.ts";

/** A write and what must come of it. */
export interface Write {
  readonly name: string;
  readonly request: Request;
  /** What its payload shows of rows, asked of them by their ids. */
  readonly look: (ids: readonly string[]) => Request;
  readonly entity: Entity;
  readonly wanted: Outcome;
  readonly isMany: boolean;
}

/** A write without what is selected of its rows. */
interface Made {
  readonly name: string;
  readonly entity: Entity;
  /** Declarations of variables, and the field with its arguments. */
  readonly head: string;
  readonly field: string;
  readonly variables: Given;
  readonly wanted: Outcome;
  readonly isMany: boolean;
}

type Given = Readonly<Record<string, unknown>>;

/** Makes writes for one served model. */
export class Writes {
  readonly #schema: GraphQLSchema;
  readonly #inputs: Inputs;
  readonly #random: Random;
  readonly #operations: Operations;

  constructor(inputs: Inputs, operations: Operations) {
    this.#operations = operations;
    this.#schema = inputs.schema;
    this.#inputs = inputs;
    this.#random = inputs.random;
  }

  /** The next write; absent where the chosen type takes none. */
  next(known: Known): Write | undefined {
    const random = this.#random;
    const entities = known.tables.model.entities.filter(({ listOf }) => listOf === undefined);
    const entity = random.pick(entities);
    const kind = random.below(5);
    const at = { known, entity, state: new State(known.tables) };
    const makers = [this.#update, this.#updateMany, this.#delete, this.#create, this.#upsert];
    const made = makers[kind]?.call(this, at);
    return made === undefined ? undefined : this.#whole(known, made);
  }

  /** The write with what is selected of its rows; absent where that would be refused. */
  #whole(known: Known, made: Made): Write | undefined {
    const { entity, isMany, head, field } = made;
    const { text, draft } = this.#operations.rowSet(entity);
    const rows = `{ id ... on ${entity.name} ${text} }`;
    const payload = isMany
      ? `rows: ${entity.plural} ${rows} count skipped`
      : `row: ${entity.singular} ${rows}`;
    const body = `{ done: ${field} { ${payload} affected { table count } } }`;
    const look = (ids: readonly string[]): Request => ({
      query: draft.document("query", ["$ids: [ID!]!"], `{ rows: nodes(ids: $ids) ${rows} }`),
      variables: { ...draft.variables, ids },
    });
    const { wanted } = answer(known, look([]));
    if (wanted.kind === "refused" || wanted.mayRefuse) return undefined;
    const request = {
      query: draft.document("mutation", [head], body),
      variables: { ...made.variables, ...draft.variables },
    };
    return { ...made, request, look };
  }

  /** A filter, and the rows that it takes, in the order of their keys. */
  #found({ known, entity, state }: At): { readonly where: Given; readonly rows: readonly Stored[] } {
    const type = this.#schema.getType(`${entity.name}Filter`);
    const made = this.#inputs.filter(entity, 1);
    // What must be refused the queries try.
    const where = isInputObjectType(type) && hasNoOrder(type, made) ? {} : made;
    const scope = { ...known, features: new Features() };
    // As the request will have it.
    const coerced = this.#coerced(`${entity.name}Filter`, where);
    const rows = known.tables.of(entity.name).filter((row) => fits(scope, row, coerced));
    return {
      where,
      rows: inKeyOrder(
        state,
        rows.map((row) => stored(known.tables, row)),
      ),
    };
  }

  #coerced(name: string, value: unknown): unknown {
    const type = this.#schema.getType(name);
    if (!isInputObjectType(type)) throw new TypeError(`There is no ${name}.`);
    return coerceInputValue(value, type);
  }

  /** Values for the columns that a patch can set, as they are given and as they are stored. */
  #set({ known, entity }: At): { readonly set: Given; readonly cells: Cells } {
    const set: Record<string, unknown> = {};
    const cells = new Map<string, Value | null>();
    for (const column of entity.columns) {
      if (column.inKey || !this.#random.chance(0.4)) continue;
      const value = this.#value(known, entity, column);
      if (value === undefined) continue;
      set[column.field] = value.given;
      cells.set(column.name, value.value);
    }
    return { set, cells };
  }

  /** A value that some row has, or null where that is none; absent where the oracle does not know what is stored. */
  #value(known: Known, entity: Entity, column: Column): { given: unknown; value: Value | null } | undefined {
    const { type, origin, nullable } = column;
    const kind = known.tables.kind(column);
    if (kind === undefined || kind.name === "json" || kind.name === "list" || origin === "reference")
      return undefined;
    if (nullable && typeof column.default !== "string" && this.#random.chance(0.2))
      return { given: null, value: null };
    const pool = this.#inputs.pools.of(entity, column);
    const scalar = this.#schema.getType(type.graphql);
    if (scalar === undefined || !("parseValue" in scalar)) return undefined;
    const isAlone = column.inKey || entity.uniques.some(({ columns }) => columns.includes(column.name));
    if (pool.length > 0 && !this.#random.chance(isAlone ? 0.7 : 0.3)) {
      const given = this.#random.pick(pool);
      return { given, value: readOperand(kind, coerceInputValue(given, scalar)) };
    }
    const { input, want } = scalarValue(this.#random, column, { model: known.tables.model, short: true });
    return { given: input, value: readOperand(kind, coerceInputValue(want, scalar)) };
  }

  #key(entity: Entity, row: Stored, known: Known): Given {
    return Object.fromEntries(
      entity.key.map((name) => {
        const column = entity.columns.find((one) => one.name === name);
        const kind = column === undefined ? undefined : known.tables.kind(column);
        const value = row.cells.get(name) ?? null;
        if (column === undefined || kind === undefined || value === null)
          throw new TypeError(`${name} is no key.`);
        return [column.field, show(kind, value)];
      }),
    );
  }

  #isUpdatable({ name }: Entity): boolean {
    return this.#schema.getMutationType()?.getFields()[`update${name}`] !== undefined;
  }

  #update(at: At): Made | undefined {
    const { entity, known, state } = at;
    const rows = state.of(entity.name);
    if (rows.length === 0 || !this.#isUpdatable(entity)) return undefined;
    const row = this.#random.pick(rows);
    const { set, cells } = this.#set(at);
    const { name } = entity;
    const [head, field] = [`$key: ${name}Key!, $set: ${name}Patch!`, `update${name}(key: $key, set: $set)`];
    const variables = { key: this.#key(entity, row, known), set };
    return {
      name: "update",
      entity,
      isMany: false,
      head,
      field,
      variables,
      wanted: update(state, [row], cells),
    };
  }

  #updateMany(at: At): Made | undefined {
    const { entity, state } = at;
    if (!this.#isUpdatable(entity)) return undefined;
    const { where, rows } = this.#found(at);
    const { set, cells } = this.#set(at);
    const atMost = this.#atMost(rows);
    const { name, plural } = entity;
    const [head, field] = [
      `$where: ${name}Filter!, $set: ${name}Patch!, $atMost: Int!`,
      `update${capital(plural)}(where: $where, set: $set, atMost: $atMost)`,
    ];
    const wanted = rows.length > atMost ? { code: "LIMIT_EXCEEDED" } : update(state, rows, cells);
    return {
      name: "update many",
      entity,
      isMany: true,
      head,
      field,
      variables: { where, set, atMost },
      wanted,
    };
  }

  #atMost(rows: readonly Stored[]): number {
    const { length } = rows;
    return this.#random.chance(0.2) ? Math.max(length - 1, 1) : length + this.#random.below(2);
  }

  #delete(at: At): Made | undefined {
    const { entity, state, known } = at;
    const random = this.#random;
    const [cascade, dryRun] = [random.chance(0.5), random.chance(0.6)];
    const { name, plural } = entity;
    if (random.chance(0.3)) {
      const rows = state.of(name);
      if (rows.length === 0) return undefined;
      const row = random.pick(rows);
      const [head, field] = [
        `$key: ${name}Key!, $cascade: Boolean!`,
        `delete${name}(key: $key, cascade: $cascade)`,
      ];
      const variables = { key: this.#key(entity, row, known), cascade };
      const wanted = remove(state, [row], { cascade, dryRun: false });
      return { name: "delete", entity, isMany: false, head, field, variables, wanted };
    }
    const { where, rows } = this.#found(at);
    const atMost = this.#atMost(rows);
    const [head, field] = [
      `$where: ${name}Filter!, $atMost: Int!, $cascade: Boolean!, $dryRun: Boolean!`,
      `delete${capital(plural)}(where: $where, atMost: $atMost, cascade: $cascade, dryRun: $dryRun)`,
    ];
    const variables = { where, atMost, cascade, dryRun };
    const wanted =
      rows.length > atMost ? { code: "LIMIT_EXCEEDED" } : remove(state, rows, { cascade, dryRun });
    return {
      name: dryRun ? "delete many, dry" : "delete many",
      entity,
      isMany: true,
      head,
      field,
      variables,
      wanted,
    };
  }

  /** A row whose columns are those of rows that are there; absent where one is missing. */
  #row({ known, entity, state }: At): { readonly input: Given; readonly row: Stored } | undefined {
    const random = this.#random;
    const input: Record<string, unknown> = {};
    const cells = new Map<string, Value | null>();
    const there = state.of(entity.name);
    const before = there.length > 0 && random.chance(0.5) ? random.pick(there) : undefined;
    for (const reference of entity.references) {
      if (reference.columns.some(({ column }) => cells.has(column))) return undefined;
      const targets = state.of(reference.target);
      if (reference.nullable && random.chance(0.5)) continue;
      const same = targets.find((one) =>
        reference.columns.every(({ column, target }) => before?.cells.get(column) === one.cells.get(target)),
      );
      if (targets.length === 0) return undefined;
      const target = same ?? random.pick(targets);
      input[reference.field] = { key: this.#key(target.entity, target, known) };
      for (const { column, target: name } of reference.columns)
        cells.set(column, target.cells.get(name) ?? null);
    }
    for (const column of entity.columns) {
      const isOptional = column.nullable && typeof column.default !== "string";
      if (column.origin === "reference" || (isOptional && random.chance(0.5))) continue;
      const value = this.#cell({ known, entity, before }, column);
      if (value === undefined && isOptional) continue;
      if (value === undefined) return undefined;
      input[column.field] = value.given;
      cells.set(column.name, value.value);
    }
    return { input, row: { entity, cells } };
  }

  #cell(
    { known, entity, before }: { known: Known; entity: Entity; before: Stored | undefined },
    column: Column,
  ): { given: unknown; value: Value | null } | undefined {
    const kind = known.tables.kind(column);
    const old = before?.cells.get(column.name) ?? null;
    if (column.inKey && kind !== undefined && old !== null) return { given: show(kind, old), value: old };
    return this.#value(known, entity, column);
  }

  #create(at: At): Made | undefined {
    const { entity, state } = at;
    const random = this.#random;
    const found = random.list(4, () => this.#row(at)).filter((one) => one !== undefined);
    const onConflict = random.pick(["ABORT", "SKIP", "UPDATE"] as const);
    const keys = new Set(found.map(({ row }) => keyOf(row)));
    // Which of two rows with one key comes first is nobody's promise.
    if (found.length === 0 || (onConflict !== "ABORT" && keys.size < found.length)) return undefined;
    const { name, plural } = entity;
    const [head, field] = [
      `$rows: [Create${name}Input!]!, $onConflict: OnConflict!`,
      `create${capital(plural)}(rows: $rows, onConflict: $onConflict)`,
    ];
    const variables = { rows: found.map(({ input }) => input), onConflict };
    const wanted = create(
      state,
      found.map(({ row }) => row),
      onConflict,
    );
    return {
      name: `create many, ${onConflict}`,
      entity,
      isMany: true,
      head,
      field,
      variables,
      wanted,
    };
  }

  #upsert(at: At): Made | undefined {
    const { entity, state } = at;
    const made = this.#row(at);
    if (made === undefined) return undefined;
    const { name } = entity;
    const [head, field] = [`$input: Create${name}Input!`, `upsert${name}(input: $input)`];
    const wanted = upsert(state, made.row);
    return {
      name: "upsert",
      entity,
      isMany: false,
      head,
      field,
      variables: { input: made.input },
      wanted,
    };
  }
}

interface At {
  readonly known: Known;
  readonly entity: Entity;
  readonly state: State;
}

/** The first difference between an answer and what it must be, or between the tables and what they must be. */
export function writeDifference(
  { name, entity, wanted, isMany, look }: Write,
  found: Json,
  { before, after }: { readonly before: Known; readonly after: Known },
): string | undefined {
  // The body of an answer, as selected.
  const { data, errors = [] } = found as unknown as Answer;
  const tables = new State(after.tables);
  const shows = name.startsWith("delete") ? "before" : "after";
  if ("code" in wanted) {
    const codes = errors.map(({ extensions }) => extensions.code);
    if (data != null || codes[0] !== wanted.code)
      return `${codes.join() || "no error"}, but must be ${wanted.code}`;
    return new State(before.tables).difference(tables);
  }
  // Null spreads in a payload as far as it must: then the tables tell what was written.
  const isSpread =
    errors.length > 0 && errors.every(({ extensions }) => extensions.code === "VALUE_NOT_FINITE");
  if (isSpread) return wanted.after.difference(tables);
  if (data?.done == null) return `refused, but must be done: ${JSON.stringify(errors)}`;
  const { row, rows, count, skipped, affected } = data.done;
  const numbers = isMany ? [number(count), number(skipped)] : [];
  if (isMany && JSON.stringify(numbers) !== JSON.stringify([wanted.rows.length, wanted.skipped]))
    return `count and skipped are ${numbers.join()}, but must be ${wanted.rows.length},${wanted.skipped}`;
  const tablesFound = affected.map((one) => `${one.table} ${number(one.count)}`).sort();
  const tablesWanted = [...wanted.affected].map(([table, rowsOf]) => `${table} ${rowsOf}`).sort();
  if (JSON.stringify(tablesFound) !== JSON.stringify(tablesWanted))
    return `affected is ${tablesFound.join()}, but must be ${tablesWanted.join()}`;
  const wrong = wanted.after.difference(tables);
  if (wrong !== undefined) return wrong;
  const ids = isMany ? (rows ?? []).map(({ id }) => id) : row == null ? [] : [row.id];
  if (ids.length !== wanted.rows.length) return `${ids.length} rows, but must be ${wanted.rows.length}`;
  for (const [index, one] of wanted.rows.entries()) {
    const identity = identityOf(entity, one, [after, before]);
    const parts = opaqueParts(opaque("id", `${entity.name} ${identity}`));
    const fault = parts === undefined ? undefined : after.meanings.learn(ids[index] ?? "", parts);
    if (fault !== undefined) return `row ${index}: ${fault}`;
  }
  const told = answer(shows === "before" ? before : after, look(ids));
  // Null spreads further in a payload than in `nodes`, and what hangs on last digits is not compared.
  const isPlain = told.wanted.kind === "answered" && told.wanted.errors.length === 0;
  if (!isPlain || told.features.unsure !== undefined) return undefined;
  const shown = { data: { rows: (isMany ? rows : row === undefined ? [] : [row]) ?? [] } };
  return difference(shown as unknown as Json, told.wanted, after.meanings); // parts of the same answer
}

interface Answer {
  readonly data?: {
    readonly done: {
      readonly row?: { readonly id: string } | null;
      readonly rows?: readonly { readonly id: string }[];
      readonly count?: Json;
      readonly skipped?: Json;
      readonly affected: readonly { readonly table: string; readonly count: Json }[];
    } | null;
  } | null;
  readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
}

const number = (value: Json | undefined): number => Number(value instanceof NumberText ? value.text : value);

function identityOf(entity: Entity, row: Stored, where: readonly Known[]): string | undefined {
  for (const { tables } of where) {
    const found = tables.of(entity.name).find((one) => keyOf(stored(tables, one)) === keyOf(row));
    if (found !== undefined) return found.identity;
  }
  return undefined;
}
