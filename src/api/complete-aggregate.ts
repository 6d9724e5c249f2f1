/** What SQL could not tell of aggregates and groups: numbers that Float cannot carry, and lists of too many groups. */

import type { Entity } from "../model/model.ts";
import { groupKeys } from "../plan/group-key.ts";
import type { AggregateField, GroupField, GroupValueField } from "../plan/plan.ts";
import { tooManyGroups } from "../sql/groups.ts";
import { type AnswerFaults, elements, isObject, type Slot, slotIn, valueAt } from "./answer-slot.ts";
import { walkColumn } from "./complete-column.ts";

interface Selected<Field> {
  readonly entity: Entity;
  readonly selection: readonly Field[];
}

/** Walks the aggregate at a place. */
export function walkAggregate(
  faults: AnswerFaults,
  slot: Slot,
  { entity, selection }: Selected<AggregateField>,
): void {
  const aggregate = valueAt(slot);
  if (!isObject(aggregate)) return;
  for (const field of selection) {
    if (field.kind !== "min" && field.kind !== "max") continue;
    const inner = slotIn(aggregate, field.key, { nullable: true, parent: slot });
    const values = valueAt(inner);
    if (!isObject(values)) continue;
    for (const part of field.selection) {
      if (part.kind !== "measure") continue;
      const place = slotIn(values, part.key, { nullable: true, parent: inner });
      walkColumn(faults, entity, { slot: place, column: part.column });
    }
  }
}

/** Walks the groups at a place. */
export function walkGroups(
  faults: AnswerFaults,
  slot: Slot,
  { entity, selection }: Selected<GroupField>,
): void {
  const groups = valueAt(slot);
  // The mark of too many groups, `groupsMark`, holds the number that there may be.
  if (isObject(groups)) {
    faults.add(slot, tooManyGroups({ maxGroups: Number(groups[""]) }));
    return;
  }
  for (const place of elements(slot, false)) {
    const group = valueAt(place);
    if (!isObject(group)) continue;
    for (const field of selection) {
      const inner = slotIn(group, field.key, { nullable: false, parent: place });
      if (field.kind === "key") walkKey(faults, inner, { entity, selection: field.selection });
      if (field.kind === "aggregate") walkAggregate(faults, inner, { entity, selection: field.selection });
    }
  }
}

function walkKey(faults: AnswerFaults, slot: Slot, { entity, selection }: Selected<GroupValueField>): void {
  const key = valueAt(slot);
  if (!isObject(key)) return;
  for (const part of selection) {
    const column =
      part.kind === "value" ? groupKeys(entity).find(({ field }) => field === part.field)?.column : undefined;
    if (column === undefined) continue;
    const place = slotIn(key, part.key, { nullable: true, parent: slot });
    walkColumn(faults, entity, { slot: place, column: column.name });
  }
}
