/** Circles of required references: no first row could ever be inserted. */

import type { EntityDraft } from "./draft.ts";
import type { Entity, Reference } from "./model.ts";
import type { Problems } from "./problems.ts";

interface Step {
  readonly entity: string;
  readonly reference: Reference;
}

/** Reports each circle of two or more required references once; a row may refer to itself. */
export function checkRequiredCycles(
  entities: readonly Entity[],
  drafts: ReadonlyMap<string, EntityDraft>,
  problems: Problems,
): void {
  const byName = new Map(entities.map((entity) => [entity.name, entity]));
  const done = new Set<string>();
  const path: Step[] = [];
  const visit = (name: string): void => {
    if (done.has(name)) return;
    const start = path.findIndex((step) => step.entity === name);
    if (start >= 0) {
      reportCycle(path.slice(start), drafts, problems);
      return;
    }
    for (const reference of byName.get(name)?.references ?? []) {
      if (reference.nullable || reference.target === name) continue;
      path.push({ entity: name, reference });
      visit(reference.target);
      path.pop();
    }
    done.add(name);
  };
  for (const entity of entities) visit(entity.name);
}

function reportCycle(
  steps: readonly Step[],
  drafts: ReadonlyMap<string, EntityDraft>,
  problems: Problems,
): void {
  const last = steps.findLast((step) => !step.reference.inKey);
  const [first] = steps;
  if (last === undefined || first === undefined) return;
  const field = drafts.get(last.entity)?.fields.find((each) => each.name === last.reference.field);
  if (field === undefined) return;
  const path = steps.map((step) => `${step.entity}.${step.reference.field}`).join(" → ");
  problems.at(field.node)(
    `Required references form a circle, so that no first row could be inserted: ${path} → ${first.entity}`,
    `Make one of them nullable, for example ${field.name}: ${last.reference.target}.`,
  );
}
