/** Numbers that the type Float cannot carry become errors of their places. */

import { ServiceError } from "../errors.ts";
import type { Entity } from "../model/model.ts";
import { type AnswerFaults, type Slot, valueAt } from "./answer-slot.ts";
import { isNotFinite } from "./not-finite.ts";

/** Looks at one value of the column named `column`. */
export function walkColumn(
  faults: AnswerFaults,
  entity: Entity,
  { slot, column }: { readonly slot: Slot; readonly column: string },
): void {
  const value = valueAt(slot);
  const type = entity.columns.find(({ name }) => name === column)?.type.graphql;
  if (type !== "Float" || !isNotFinite(value)) return;
  faults.add(
    slot,
    new ServiceError(
      "VALUE_NOT_FINITE",
      `${entity.name}.${String(slot.key)} holds ${value}, which Float cannot carry. Declare the field as Float64 to read it.`,
      { details: { field: `${entity.name}.${String(slot.key)}`, remedy: "Declare the field as Float64." } },
    ),
  );
}
