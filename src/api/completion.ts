/**
 * What SQL could not tell, completed in JavaScript: only the paths that need it are touched. The statement has left beside them what is
 * stored; bytes are read a few at a time.
 */

import type { Entity, Model } from "../model/model.ts";
import type {
  CodecPlan,
  ConnectionField,
  EdgeField,
  ListPlan,
  RootField,
  RowSelection,
  UserField,
} from "../plan/plan.ts";
import { storedKey } from "../sql/select-codec.ts";
import type { IdGroup } from "../sql/select-node.ts";
import { AnswerFaults, elements, isObject, type Slot, slotIn, valueAt } from "./answer-slot.ts";
import { walkAggregate, walkGroups } from "./complete-aggregate.ts";
import { type CodecTask, codecTasks } from "./complete-codec.ts";
import { walkColumn } from "./complete-column.ts";

/** Something to be read for one place. */
export type Task = CodecTask;

/** Walks an answer and gathers what is to be done. */
export interface Walk {
  readonly model: Model;
  readonly faults: AnswerFaults;
  readonly tasks: Task[];
  readonly users: UserTask[];
}

/** A field of a row that an extension answers. */
export interface UserTask {
  readonly slot: Slot;
  readonly field: UserField;
  /** What the field needs of its row, in `holder.row`; complete when the walk's tasks are done. */
  readonly holder: { row?: unknown };
  /** What could not be read of it. */
  readonly faults: AnswerFaults;
}

/** Starts a walk; `prefix` is the response path of the tree's root. */
export function newWalk(model: Model, prefix: readonly (string | number)[] = []): Walk {
  return { model, faults: new AnswerFaults(prefix), tasks: [], users: [] };
}

/** A query's answer: its root fields, its data, and the arguments it was asked with. */
export interface Answered {
  readonly roots: readonly RootField[];
  readonly data: Record<string, unknown>;
  readonly resolved: readonly Readonly<Record<string, unknown>>[];
}

/** Walks the root fields of a query's answer. */
export function walkRoots(walk: Walk, { roots, data, resolved }: Answered): void {
  for (const root of roots) {
    const nullable = root.kind !== "list" && root.kind !== "nodes";
    const slot = slotIn(data, root.key, { nullable, parent: undefined });
    if (root.kind === "row") walkRow(walk, slot, { entity: root.entity, selection: root.selection });
    if (root.kind === "list") walkList(walk, slot, root);
    if (root.kind === "node" || root.kind === "nodes")
      walkNodes(walk, slot, { root, ids: resolved[root.at] });
  }
}

interface Nodes {
  readonly root: RootField & { readonly kind: "node" | "nodes" };
  readonly ids: Readonly<Record<string, unknown>> | undefined;
}

/** What was found by id is of the type that the id names. */
function walkNodes(walk: Walk, slot: Slot, { root, ids }: Nodes): void {
  const places = root.kind === "node" ? [slot] : elements(slot, true);
  // Made by resolveIds.
  const groups = (ids?.["groups"] ?? []) as readonly IdGroup[];
  for (const { entity, positions } of groups) {
    for (const position of positions) {
      const place = places[position - 1];
      if (place !== undefined) walkRow(walk, place, { entity, selection: root.types[entity] ?? [] });
    }
  }
}

interface Rows {
  readonly entity: string;
  readonly selection: RowSelection;
}

/** Walks one row. */
export function walkRow(walk: Walk, slot: Slot, rows: Rows): void {
  const row = valueAt(slot);
  const entity = walk.model.entity.get(rows.entity);
  if (!isObject(row) || entity === undefined) return;
  for (const field of rows.selection) {
    const inner = (nullable: boolean) => slotIn(row, field.key, { nullable, parent: slot });
    if (field.kind === "column")
      walkColumn(walk.faults, entity, { slot: inner(field.nullable), column: field.column });
    if (field.kind === "codec") walkCodec(walk, entity, { slot: inner(field.nullable), plan: field });
    if (field.kind === "one") walkRow(walk, inner(field.nullable), field);
    if (field.kind === "many") walkList(walk, inner(false), field);
    if (field.kind === "user") walkUser(walk, inner(field.nullable), { entity: rows.entity, field });
    const part = field.kind === "codecList" ? walk.model.entity.get(field.part) : undefined;
    if (field.kind === "codecList" && part !== undefined) {
      for (const place of elements(inner(false), field.use.unloaded === true))
        walkCodec(walk, part, { slot: place, plan: field });
    }
  }
}

/** A fault of what a field needs is the field's own: nothing of it reaches the row. */
function walkUser(
  walk: Walk,
  slot: Slot,
  { entity, field }: { readonly entity: string; readonly field: UserField },
): void {
  const holder = { row: valueAt(slot) };
  const faults = new AnswerFaults();
  const needed = slotIn(holder, "row", { nullable: true, parent: undefined });
  walkRow({ ...walk, faults }, needed, { entity, selection: field.needs });
  walk.users.push({ slot, field, holder, faults });
}

function walkCodec(
  walk: Walk,
  entity: Entity,
  { slot, plan }: { readonly slot: Slot; readonly plan: CodecPlan },
): void {
  const value = valueAt(slot);
  if (!isObject(value)) return;
  const stored = value[storedKey];
  delete value[storedKey];
  walk.tasks.push(...codecTasks({ entity, slot, plan, value, stored, faults: walk.faults }));
}

function walkList(walk: Walk, slot: Slot, plan: ListPlan): void {
  const connection = valueAt(slot);
  if (!isObject(connection)) return;
  for (const field of plan.selection) {
    const inner = slotIn(connection, field.key, { nullable: false, parent: slot });
    walkConnection(walk, inner, { entity: plan.entity, field });
  }
}

function walkConnection(
  walk: Walk,
  slot: Slot,
  { entity, field }: { readonly entity: string; readonly field: ConnectionField },
): void {
  if (field.kind === "nodes") {
    for (const place of elements(slot, false)) walkRow(walk, place, { entity, selection: field.selection });
  }
  const listed = walk.model.entity.get(entity);
  if (listed !== undefined && field.kind === "aggregate") {
    walkAggregate(walk.faults, slot, { entity: listed, selection: field.selection });
  }
  if (listed !== undefined && field.kind === "groupBy") {
    walkGroups(walk.faults, slot, { entity: listed, selection: field.selection });
  }
  if (field.kind === "edges") {
    for (const place of elements(slot, false)) walkEdge(walk, place, { entity, selection: field.selection });
  }
}

function walkEdge(
  walk: Walk,
  slot: Slot,
  { entity, selection }: { readonly entity: string; readonly selection: readonly EdgeField[] },
): void {
  const edge = valueAt(slot);
  if (!isObject(edge)) return;
  for (const part of selection) {
    if (part.kind !== "node") continue;
    walkRow(walk, slotIn(edge, part.key, { nullable: false, parent: slot }), {
      entity,
      selection: part.selection,
    });
  }
}
