/** Requests for rows, by the conventions of the API: selections, inputs, names of root fields. */

import { isDeepStrictEqual } from "node:util";
import type { Child, Column, Entity, Model, Reference } from "../../src/model/model.ts";
import { cleanAnswer, codecSelections } from "./codec-values.ts";
import { attributes, type Row, type Rows } from "./rows.ts";
import { comparable, present } from "./scalar-values.ts";

/** One object of an answer. */
export type Node = Readonly<Record<string, unknown>>;

export const capital = (name: string): string => name.slice(0, 1).toUpperCase() + name.slice(1);

/** Children with a type of their own. */
export function children(model: Model, entity: Entity): readonly (Child & { readonly target: Entity })[] {
  return entity.children.flatMap((child) => {
    const target = model.entity.get(child.entity);
    return target === undefined || target.listOf !== undefined ? [] : [{ ...child, target }];
  });
}

function columnOf(entity: Entity, name: string): Column {
  const column = entity.columns.find((one) => one.name === name);
  if (column === undefined) throw new Error(`${entity.name} has no column ${name}.`);
  return column;
}

function entityOf(model: Model, name: string): Entity {
  const entity = model.entity.get(name);
  if (entity === undefined) throw new Error(`There is no ${name}.`);
  return entity;
}

/** A column that only its reference shows, and the column of the target that it equals. */
function shownBy(entity: Entity, column: Column): { reference: Reference; target: string } {
  for (const reference of entity.references) {
    const pair = reference.columns.find((one) => one.column === column.name);
    if (pair !== undefined && reference.field === column.field) return { reference, target: pair.target };
  }
  throw new Error(`Nothing shows ${entity.name}.${column.name}.`);
}

/** Every column of the key, through references where no scalar shows it. */
function keySelection(model: Model, entity: Entity): string {
  return entity.key.map((name) => columnSelection(model, entity, name)).join(" ");
}

function columnSelection(model: Model, entity: Entity, name: string): string {
  const column = columnOf(entity, name);
  if (column.exposed) return column.field;
  const { reference, target } = shownBy(entity, column);
  return `${reference.field} { ${columnSelection(model, entityOf(model, reference.target), target)} }`;
}

/** The value of a column in an answer that has {@link selection}. */
function read(model: Model, entity: Entity, at: { name: string; node: Node }): unknown {
  const column = columnOf(entity, at.name);
  if (column.exposed) return at.node[column.field];
  const { reference, target } = shownBy(entity, column);
  // Selected as an object.
  const inner = at.node[reference.field] as Node | null;
  return inner === null
    ? null
    : read(model, entityOf(model, reference.target), { name: target, node: inner });
}

/** Everything that a row shows: its own fields, what it refers to, and what refers to it. */
export function selection(model: Model, entity: Entity): string {
  const own = entity.columns.map((column) => {
    const { codec } = column.type;
    if (codec === undefined) return columnSelection(model, entity, column.name);
    return `${column.field} ${codecSelections[codec.name]}`;
  });
  const references = entity.references.map((reference) => {
    const target = entityOf(model, reference.target);
    const plain = attributes(target).filter(({ type }) => type.codec === undefined);
    return `${reference.field} { id rowVersion ${keySelection(model, target)} ${plain.map(({ field }) => field).join(" ")} }`;
  });
  const lists = entity.lists.map(
    (list) => `${list.field} ${codecSelections[listCodec(model, list.entity).name]}`,
  );
  const back = children(model, entity).map((child) =>
    child.unique ? `${child.field} { id }` : `${child.field}(first: 1000) { totalCount nodes { id } }`,
  );
  return ["__typename id rowVersion", ...own, ...references, ...lists, ...back].join("\n    ");
}

function listCodec(model: Model, part: string) {
  const codec = columnOf(entityOf(model, part), "value").type.codec;
  if (codec === undefined) throw new Error(`${part} is no list of codec values.`);
  return codec;
}

/** What a row shows, in the oracle's form. */
export function shown(model: Model, entity: Entity, node: Node): Node {
  const cells = entity.columns.map((column): [string, unknown] => {
    const value = read(model, entity, { name: column.name, node });
    const { codec } = column.type;
    // Selected as an object.
    return [
      column.name,
      codec === undefined ? comparable(column, value) : cleanAnswer(codec, value as Node | null),
    ];
  });
  const references = entity.references.map((reference): [string, unknown] => {
    const inner = node[reference.field] as Node | null;
    return [
      reference.field,
      inner === null ? null : scalarsShown(model, entityOf(model, reference.target), inner),
    ];
  });
  const lists = entity.lists.map((list): [string, unknown] => {
    const elements = node[list.field] as readonly Node[];
    return [list.field, elements.map((one) => cleanAnswer(listCodec(model, list.entity), one))];
  });
  const back = children(model, entity).map((child): [string, unknown] => [
    child.field,
    idsShown(node[child.field]),
  ]);
  return {
    type: node["__typename"],
    id: node["id"],
    cells: Object.fromEntries(cells),
    references: Object.fromEntries(references),
    lists: Object.fromEntries(lists),
    children: Object.fromEntries(back),
  };
}

function scalarsShown(model: Model, entity: Entity, node: Node): Node {
  const plain = entity.columns.filter((column) => isPlainOrKey(column));
  return {
    id: node["id"],
    version: node["rowVersion"],
    ...Object.fromEntries(
      plain.map((column) => [
        column.name,
        comparable(column, read(model, entity, { name: column.name, node })),
      ]),
    ),
  };
}

const isPlainOrKey = (column: Column): boolean =>
  column.inKey || (column.origin === "attribute" && column.type.codec === undefined);

function idsShown(value: unknown): unknown {
  if (value === null) return [];
  // Selected as `{ id }` or as a connection.
  const found = value as { id?: string; totalCount?: number; nodes?: readonly { id: string }[] };
  if (found.nodes === undefined) return [found.id];
  if (found.totalCount !== found.nodes.length) return { totalCount: found.totalCount };
  return found.nodes.map(({ id }) => id).sort();
}

/** What a row must show. */
export function wanted(rows: Rows, row: Row): Node {
  const { model } = rows;
  const { entity } = row;
  const references = entity.references.map((reference): [string, unknown] => {
    const target = rows.target(row, reference);
    if (target === undefined) return [reference.field, null];
    const plain = target.entity.columns.filter(isPlainOrKey);
    const cells = plain.map(({ name }) => [name, target.cells.get(name)]);
    return [reference.field, { id: target.id, version: target.version, ...Object.fromEntries(cells) }];
  });
  const lists = [...row.lists].map(([field, elements]) => [field, elements.map(({ want }) => want)]);
  const back = children(model, entity).map((child) => {
    const found = rows.referrers(row, child.entity, child.reference);
    return [child.field, found.map(({ id }) => id).sort()];
  });
  return {
    type: entity.name,
    id: row.id,
    cells: Object.fromEntries(entity.columns.map(({ name }) => [name, row.cells.get(name)])),
    references: Object.fromEntries(references),
    lists: Object.fromEntries(lists),
    children: Object.fromEntries(back),
  };
}

/** Finds the row that a node shows, by its key. */
export function rowShown(rows: Rows, entity: Entity, node: Node): Row | undefined {
  const key = entity.key.map((name) => read(rows.model, entity, { name, node }));
  return rows.of(entity.name).find((row) =>
    isDeepStrictEqual(
      key,
      entity.key.map((name) => row.cells.get(name)),
    ),
  );
}

/** Fills in what only the database knew: ids, versions, and the instants of CURRENT_TIMESTAMP. */
export function learn(model: Model, row: Row, node: Node): void {
  row.id = String(node["id"]);
  row.version = String(node["rowVersion"]);
  for (const [name, value] of row.cells) {
    if (value !== present) continue;
    const got = String(read(model, row.entity, { name, node }));
    const distance = Math.abs(Date.parse(got) - Date.now());
    // Anything else stays unequal to what is read.
    if (got.endsWith("Z") && distance < 120_000) row.cells.set(name, got);
  }
}

/** The key as a flat input object. */
export function keyInput(row: Row): Node {
  return Object.fromEntries(
    row.entity.key.map((name) => [columnOf(row.entity, name).field, row.cells.get(name)]),
  );
}
