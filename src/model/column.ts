/** Drafts → columns: references are followed to the keys of their targets, transitively. */

import type { AttributeDraft, EntityDraft, ReferenceDraft } from "./draft.ts";
import { checkColumnName } from "./identifier.ts";
import type { Column, ColumnType } from "./model.ts";
import { snakeCase } from "./naming.ts";
import { locationOf, type Problems } from "./problems.ts";
import { columnFieldName } from "./reserved.ts";
import type { TableName } from "./table-name.ts";

/** A column in the making. `field` is what its attribute is called; columns of references get theirs in the end. */
export interface ColumnDraft {
  readonly name: string;
  readonly type: ColumnType;
  readonly renamedFrom?: string;
  readonly attribute?: AttributeDraft;
}

/** The columns that a reference uses, beside the target's key columns. */
export interface ReferenceColumns {
  readonly reference: ReferenceDraft;
  readonly pairs: readonly { readonly column: ColumnDraft; readonly target: string }[];
}

/** Follows references to columns, each entity's key once. */
export class ColumnResolver {
  readonly #entities: ReadonlyMap<string, EntityDraft>;
  readonly #tables: ReadonlyMap<string, TableName>;
  readonly #problems: Problems;
  readonly #keys = new Map<string, readonly ColumnDraft[] | undefined>();
  readonly #references = new Map<ReferenceDraft, ReferenceColumns | undefined>();
  readonly #path: { readonly entity: string; readonly field: ReferenceDraft }[] = [];

  constructor(
    entities: ReadonlyMap<string, EntityDraft>,
    tables: ReadonlyMap<string, TableName>,
    problems: Problems,
  ) {
    this.#entities = entities;
    this.#tables = tables;
    this.#problems = problems;
  }

  /** Key columns in order; `undefined` where a fault was reported. */
  keyOf(name: string): readonly ColumnDraft[] | undefined {
    if (this.#keys.has(name)) return this.#keys.get(name);
    const entity = this.#entities.get(name);
    if (entity === undefined) return undefined;
    const key = this.#resolveKey(entity);
    this.#keys.set(name, key);
    return key;
  }

  #resolveKey(entity: EntityDraft): readonly ColumnDraft[] | undefined {
    const columns = new Map<string, ColumnDraft>();
    let isSound = entity.hasKey && !entity.hasFaultyKey;
    for (const field of entity.fields) {
      if (field.kind === "attribute" && field.inKey) {
        const column = this.attributeColumn(entity, field);
        columns.set(column.name, column);
      } else if (field.kind === "reference" && field.inKey) {
        const resolved = this.#keyReference(entity, field);
        if (resolved === undefined) isSound = false;
        for (const { column } of resolved?.pairs ?? []) {
          if (!columns.has(column.name)) columns.set(column.name, column);
        }
      }
    }
    return isSound ? [...columns.values()] : undefined;
  }

  #keyReference(entity: EntityDraft, field: ReferenceDraft): ReferenceColumns | undefined {
    const start = this.#path.findIndex((step) => step.entity === entity.name);
    if (start >= 0) return undefined;
    this.#path.push({ entity: entity.name, field });
    const cycleStart = this.#path.findIndex((step) => step.entity === field.target);
    if (cycleStart >= 0) this.#reportCycle(cycleStart);
    const resolved = cycleStart >= 0 ? undefined : this.referenceColumns(entity, field);
    this.#path.pop();
    return resolved;
  }

  #reportCycle(start: number): void {
    const steps = this.#path.slice(start);
    const first = steps[0];
    const last = steps.at(-1);
    if (first === undefined || last === undefined) return;
    const path = steps.map((step) => `${step.entity}.${step.field.name}`).join(" → ");
    this.#problems.at(last.field.node)(
      `Key references form a circle: ${path} → ${first.entity}`,
      "Take @key off one of them.",
    );
  }

  /** The column of a field that is no reference. */
  attributeColumn(entity: EntityDraft, field: AttributeDraft): ColumnDraft {
    const schema = this.#tables.get(entity.name)?.schema;
    const type =
      field.type.enum === undefined || schema === undefined
        ? field.type
        : { ...field.type, enumSchema: field.type.enumSchema ?? schema };
    const renamedFrom = field.renamedFrom === undefined ? undefined : snakeCase(field.renamedFrom);
    return {
      name: field.column,
      type,
      attribute: field,
      ...(renamedFrom === undefined ? {} : { renamedFrom }),
    };
  }

  /** The columns of a reference; `undefined` where a fault was reported. */
  referenceColumns(entity: EntityDraft, field: ReferenceDraft): ReferenceColumns | undefined {
    if (this.#references.has(field)) return this.#references.get(field);
    const resolved = this.#resolveReference(entity, field);
    this.#references.set(field, resolved);
    return resolved;
  }

  #resolveReference(entity: EntityDraft, field: ReferenceDraft): ReferenceColumns | undefined {
    const key = this.keyOf(field.target);
    if (key === undefined) return undefined;
    const use = field.uses.one("reference");
    const report = this.#problems.at(use?.place("columns") ?? field.node);
    const names = field.columnNames ?? key.map((column) => column.name);
    if (names.length !== key.length) {
      const wanted = key.map((column) => column.name).join(", ");
      return report(
        `${field.label}: @reference names ${names.length} columns, and the key of ${field.target} has ${key.length}`,
        `Name one for each of: ${wanted}.`,
      );
    }
    if (new Set(names).size < names.length) {
      return report(`${field.label}: @reference names a column twice`, "Give each column its own name.");
    }
    if (
      !names.every((name) =>
        checkColumnName(name, { label: field.label, how: '@reference(columns: ["…"])' }, report),
      )
    )
      return undefined;
    const pairs = key.map((target, at) => ({
      column: referenceColumn(target, names[at] ?? target.name, field.columnNames === undefined),
      target: target.name,
    }));
    return { reference: field, pairs: withRename(entity, field, pairs, this.#problems) };
  }
}

/** A column's type in a referring table: the peer drops the precision of timestamps there. */
function referenceColumn(target: ColumnDraft, name: string, isDefaultName: boolean): ColumnDraft {
  const isTimestamp = /^timestamp(\(\d\))?$/.test(target.type.sql);
  const type = isTimestamp ? { ...target.type, sql: "timestamp" } : target.type;
  const renamedFrom = isDefaultName ? target.renamedFrom : undefined;
  return { name, type, ...(renamedFrom === undefined ? {} : { renamedFrom }) };
}

type Pairs = ReferenceColumns["pairs"];

/** `@renamedFrom` on a reference can tell the old name of one column only. */
function withRename(entity: EntityDraft, field: ReferenceDraft, pairs: Pairs, problems: Problems): Pairs {
  if (field.renamedFrom === undefined) return pairs;
  const [pair] = pairs;
  if (pair !== undefined && pairs.length === 1) {
    return [{ ...pair, column: { ...pair.column, renamedFrom: snakeCase(field.renamedFrom) } }];
  }
  problems.at(field.uses.one("renamedFrom")?.node ?? field.node)(
    `${field.label}: @renamedFrom cannot tell the old names of ${pairs.length} columns`,
    `Remove it: the field's own name is not stored in ${entity.name}.`,
  );
  return pairs;
}

/** The finished column. */
export function finishColumn(
  draft: ColumnDraft,
  more: {
    readonly inKey: boolean;
    readonly nullable: boolean;
    readonly exposed: boolean;
    readonly references: readonly ReferenceDraft[];
    readonly entity: EntityDraft;
  },
): Column {
  const { attribute } = draft;
  const place = attribute?.node ?? more.references[0]?.node ?? more.entity.node;
  const value = attribute === undefined ? (more.nullable ? null : undefined) : attribute.default;
  return {
    name: draft.name,
    field: attribute?.name ?? columnFieldName(draft.name),
    exposed: more.exposed,
    type: draft.type,
    nullable: more.nullable,
    ...(value === undefined ? {} : { default: value }),
    inKey: more.inKey,
    origin: attribute === undefined ? "reference" : "attribute",
    description: attribute?.description ?? "",
    ...(draft.renamedFrom === undefined || draft.renamedFrom === draft.name
      ? {}
      : { renamedFrom: draft.renamedFrom }),
    location: locationOf(place),
  };
}
