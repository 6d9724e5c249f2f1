/** Groups of rows by what they share. */

import { type GraphQLSchema, isEnumType, isObjectType } from "graphql";
import type { Column, Entity } from "../../../src/model/model.ts";
import { whole } from "./exact.ts";
import { exposedColumn, type Scope, toldColumn } from "./filter.ts";
import type { Kind, Value } from "./kinds.ts";
import { type MeasureName, measure, measureKind, withoutSign } from "./measure.ts";
import { holds } from "./operators.ts";
import { comparePlaces, type Place, type SetTerm, setTerm } from "./order.ts";
import { badInput, Refused } from "./refused.ts";
import type { Row } from "./tables.ts";

/** Most groups that a list has. */
const mostGroups = 10_000;

/** Something by which rows can be grouped. */
export interface GroupKey {
  /** As in `by`. */
  readonly name: string;
  /** Field of the group's key. */
  readonly field: string;
  readonly kind: Kind;
  readonly of: (row: Row) => Value | null;
}

/** One group: the values of its keys, by field, and its rows. */
export interface Group {
  readonly entity: Entity;
  readonly key: ReadonlyMap<string, { readonly kind: Kind; readonly value: Value | null }>;
  readonly rows: readonly Row[];
}

const day: Kind = { name: "date", scalar: "Date" };
const hour: Kind = { name: "instant", scalar: "DateTime" };

/** The possible keys, as the served schema names them: values of the enum and fields of the key go together. */
function groupKeys(scope: Scope, entity: Entity): readonly GroupKey[] {
  const names = keyNames(scope.schema, entity);
  return names.map(({ name, field }) => {
    const [base = "", period] = field.split("__");
    const column = entity.columns.find((one) => one.field === base);
    const kind = column === undefined ? undefined : scope.tables.kind(column);
    if (column === undefined || kind === undefined)
      throw new TypeError(`The oracle knows no group key ${entity.name}.${field}.`);
    return { name, field, ...keyValue(column, kind, period) };
  });
}

function keyNames(schema: GraphQLSchema, entity: Entity) {
  const [names, values] = [
    schema.getType(`${entity.name}GroupKey`),
    schema.getType(`${entity.name}GroupValues`),
  ];
  if (!isEnumType(names) || !isObjectType(values)) return [];
  const fields = Object.keys(values.getFields());
  return names.getValues().map(({ name }, index) => ({ name, field: fields[index] ?? "" }));
}

function keyValue(column: Column, kind: Kind, period: string | undefined): Pick<GroupKey, "kind" | "of"> {
  if (period === undefined) {
    const of = (row: Row): Value | null => {
      const value = row.value(column, kind);
      return value === null ? null : withoutSign(kind, value);
    };
    return { kind, of };
  }
  return {
    kind: period === "hour" ? hour : day,
    of: (row) => {
      const value = row.value(column, kind);
      return value === null ? null : beginning(period, String(value));
    },
  };
}

/** Where the period of a day or an instant begins. */
function beginning(period: string, text: string): string {
  if (period === "hour") return `${text.slice(0, 13)}:00:00.000000`;
  if (period === "day") return text.slice(0, 10);
  if (period === "month") return `${text.slice(0, 7)}-01`;
  if (period === "year") return `${text.slice(0, 4)}-01-01`;
  const at = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() - ((at.getUTCDay() + 6) % 7));
  return at.toISOString().slice(0, 10);
}

/** The arguments of `groupBy`, checked. */
export interface WantedGroups {
  readonly keys: readonly GroupKey[];
  readonly having: unknown;
  readonly terms: readonly SetTerm[];
  readonly first: number | undefined;
}

/** Checks the arguments. @throws Refused as documented. */
export function wantedGroups(
  scope: Scope,
  entity: Entity,
  args: Readonly<Record<string, unknown>>,
): WantedGroups {
  const by = new Set(args["by"] as readonly string[]); // the schema makes it a list of names
  if (by.size === 0) throw badInput("nothing to group by");
  const first = args["first"] ?? undefined;
  if (typeof first === "number" && first < 0) throw badInput("a negative count");
  if (typeof first === "number" && first > mostGroups) throw new Refused("LIMIT_EXCEEDED", "groups");
  const known = groupKeys(scope, entity);
  const orders = Array.isArray(args["orderBy"]) ? args["orderBy"] : [];
  return {
    keys: [...by].flatMap((name) => known.filter((key) => key.name === name)),
    having: args["having"],
    terms: orders.map((entry) => setTerm(scope, entity, entry)),
    first: typeof first === "number" ? first : undefined,
  };
}

/** The groups of `rows`, in order. */
export function groupsOf(
  scope: Scope,
  { entity, rows }: { readonly entity: Entity; readonly rows: readonly Row[] },
  wanted: WantedGroups,
): readonly Group[] {
  const { features } = scope;
  const sets = partition(wanted.keys, rows);
  for (const key of wanted.keys)
    features.meet(`group by ${key.kind.names === undefined ? key.kind.scalar : "enum"}`);
  for (const key of wanted.keys)
    if (key.field.includes("__")) features.meet(`group by ${key.field.split("__")[1]}`);
  if (wanted.keys.length > 1) features.meet("group by more than one key");
  if (sets.length > 1 && sets.some((set) => set.rows.length > 1))
    features.meet("groups of more than one row");
  const kept = sets.filter((set) => having(scope, { entity, rows: set.rows }, wanted.having));
  if (kept.length > 0 && kept.length < sets.length)
    features.meet("having that takes some groups and leaves others");
  const byKey = wanted.keys.map(({ kind }) => ({ kind, descending: false, nullsFirst: false }));
  const placed = kept.map((set) => ({
    set,
    place: [...wanted.terms.map(({ of }) => of(set.rows)), ...set.place],
  }));
  if (wanted.terms.length > 0 && placed.length > 1) features.meet("groups in an order of aggregates");
  placed.sort((a, b) => comparePlaces(scope, [...wanted.terms, ...byKey], [a.place, b.place]));
  if (wanted.first !== undefined && wanted.first < placed.length) features.meet("fewer groups by first");
  return placed.slice(0, wanted.first).map(({ set }) => ({
    entity,
    rows: set.rows,
    key: new Map(
      wanted.keys.map(({ field, kind }, index) => [field, { kind, value: set.place[index] ?? null }]),
    ),
  }));
}

function partition(keys: readonly GroupKey[], rows: readonly Row[]) {
  const sets = new Map<string, { readonly place: Place; readonly rows: Row[] }>();
  for (const row of rows) {
    const place = keys.map(({ of }) => of(row));
    const name = JSON.stringify(place, (_, value: unknown) =>
      typeof value === "bigint" || typeof value === "number" ? String(value) : value,
    );
    const set = sets.get(name);
    if (set === undefined) sets.set(name, { place, rows: [row] });
    else set.rows.push(row);
  }
  return [...sets.values()];
}

interface Rows {
  readonly entity: Entity;
  readonly rows: readonly Row[];
}

function having(scope: Scope, at: Rows, filter: unknown): boolean {
  if (filter === undefined || filter === null) return true;
  return Object.entries(filter).every(([name, part]: [string, unknown]) => {
    scope.features.meet(`having ${name}`);
    if (part === null || part === undefined) throw badInput(`${name} is null.`);
    if (name === "and") return (part as readonly unknown[]).every((one) => having(scope, at, one)); // a list
    if (name === "or") return (part as readonly unknown[]).some((one) => having(scope, at, one)); // a list
    if (name === "not") return !having(scope, at, part);
    if (name === "count") {
      const kind: Kind = { name: "exact", scalar: "Int" };
      return holds(scope.features, { kind, value: whole(at.rows.length) }, part);
    }
    return Object.entries(part).every(([field, inner]) => {
      if (inner === null || inner === undefined) throw badInput(`${field} is null.`);
      const column = exposedColumn(at.entity, field);
      const measured = (part?: string) =>
        // The schema has no other names.
        columnMeasure(scope, at, {
          name: name as MeasureName,
          field,
          ...(part === undefined ? {} : { part }),
        });
      if (column?.type.codec === undefined) return holds(scope.features, measured(), inner);
      return Object.entries(inner).every(([part, filter]) => {
        scope.features.meet(`having of ${column.type.graphql}.${part}`);
        return holds(scope.features, measured(part), filter);
      });
    });
  });
}

/** What `name` tells of a column of many rows, or of `part` of its codec values. */
export function columnMeasure(
  scope: Scope,
  { entity, rows }: Rows,
  { name, field, part }: { readonly name: MeasureName; readonly field: string; readonly part?: string },
): { readonly kind: Kind; readonly value: Value | null } {
  const column = exposedColumn(entity, field);
  const { kind, of, label } = measurable(scope, { entity, column, field }, part);
  scope.features.meet(`${name} of ${label}`);
  return { kind: measureKind(kind, name), value: measure(scope.features, { kind, name }, rows.map(of)) };
}

function measurable(
  scope: Scope,
  at: { readonly entity: Entity; readonly column: Column | undefined; readonly field: string },
  part: string | undefined,
) {
  const { column } = at;
  if (column !== undefined && part !== undefined)
    return { ...toldColumn(scope, column, part), label: `${column.type.graphql}.${part}` };
  const kind = column === undefined ? undefined : scope.tables.kind(column);
  if (column === undefined || kind === undefined)
    throw new TypeError(`The oracle knows nothing to measure in ${at.entity.name}.${at.field}.`);
  const label = kind.names === undefined ? kind.scalar : "enum";
  return { kind, of: (row: Row) => row.value(column, kind), label };
}
