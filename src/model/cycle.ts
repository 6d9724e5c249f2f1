/** Circles of required references: no first row could ever be inserted. */

import type { Entity, Reference } from "./model.ts";
import type { Problems } from "./problems.ts";

interface Step {
  readonly entity: string;
  readonly reference: Reference;
}

/** Reports each circle of two or more required references once; a row may refer to itself. */
export function checkRequiredCycles(entities: readonly Entity[], problems: Problems): void {
  const byName = new Map(entities.map((entity) => [entity.name, entity]));
  const done = new Set<string>();
  const path: Step[] = [];
  const visit = (name: string): void => {
    if (done.has(name)) return;
    const start = path.findIndex((step) => step.entity === name);
    if (start >= 0) {
      reportCycle(path.slice(start), problems);
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

function reportCycle(steps: readonly Step[], problems: Problems): void {
  const last = steps.findLast((step) => !step.reference.inKey);
  const [first] = steps;
  if (last === undefined || first === undefined) return;
  const { field, target, location } = last.reference;
  const path = steps.map((step) => `${step.entity}.${step.reference.field}`).join(" → ");
  problems.add(
    location,
    `Required references form a circle, so that no first row could be inserted: ${path} → ${first.entity}`,
    `Make one of them nullable, for example ${field}: ${target}.`,
  );
}
