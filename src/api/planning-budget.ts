/** What planning one operation may cost, in fields and in time. */

import type { Budget } from "../plan/collect-fields.ts";
import { type ApiLimits, beyondLimit } from "./limits.ts";

/** A budget whose clock runs from now on. */
export interface PlanningBudget extends Budget {
  /** @throws {LIMIT_EXCEEDED} when the time is over. */
  check(): void;
}

/** The clock is looked at once in so many fields. */
const fieldsPerLook = 64;

/** Makes the budget of one operation. */
export function planningBudget(limits: ApiLimits): PlanningBudget {
  const begin = process.threadCpuUsage();
  let fields = 0;
  const check = (): void => {
    // Of the processor, not of the clock: a machine that is busy with something else makes no request costlier.
    const { user, system } = process.threadCpuUsage(begin);
    if ((user + system) / 1000 <= limits.planningMs) return;
    throw beyondLimit(`Planning took longer than ${limits.planningMs} ms`, "planningMs", limits, {
      remedy: "Ask for less at once.",
    });
  };
  return {
    check,
    spend: () => {
      fields += 1;
      if (fields > limits.maxFields) {
        throw beyondLimit(`The operation selects more than ${limits.maxFields} fields`, "maxFields", limits, {
          remedy: "Fragments count wherever they are spread; ask for less at once.",
        });
      }
      if (fields % fieldsPerLook === 0) check();
    },
  };
}
