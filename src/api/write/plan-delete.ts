/** `deleteX(key, ifVersion, cascade)`: parts go with their master; rows of others only when the caller says so. */

import { ServiceError } from "../../errors.ts";
import { type Closure, closureOf, deleteClosure } from "./cascade.ts";
import { inputObject, keyValues } from "./input-field.ts";
import { lockRow } from "./lock-row.ts";
import { entityOf } from "./row-draft.ts";
import { showRows } from "./show-rows.ts";
import type { RowPlan, WriteScope } from "./write-plan.ts";

/** Plans `deleteX`. The payload shows the row as it was. @throws {BAD_USER_INPUT} */
export function planDelete(scope: WriteScope, entityName: string): RowPlan {
  const { model } = scope.request;
  const entity = entityOf(model, entityName);
  const { args } = scope.field;
  const key = keyValues({ model }, entity, { key: inputObject(args["key"], "key"), place: "key" });
  return {
    kind: "rows",
    pending: [],
    run: async (transaction) => {
      const locked = await lockRow(transaction, entity, {
        key,
        ifVersion: args["ifVersion"],
        strength: "UPDATE",
      });
      const closure = await closureOf(transaction, model, { entity, key: locked.key });
      if (args["cascade"] !== true) refuseReferrers(closure, entity.name);
      const rows = await showRows(scope, transaction, { entity, many: false, keys: [locked.key] });
      const affected = await deleteClosure(transaction, closure);
      return { kind: "rows", entity, many: false, rows, count: 1, skipped: 0, affected };
    },
  };
}

function refuseReferrers(closure: Closure, name: string): void {
  const { referrers } = closure;
  if (referrers.length === 0) return;
  const list = referrers.map(({ table, count }) => `${count} of ${table}`).join(", ");
  throw new ServiceError("CONSTRAINT_VIOLATION", `Other rows refer to this ${name}: ${list}.`, {
    details: {
      field: "key",
      referrers,
      kind: "still referenced",
      remedy: "Delete or change them first, or say cascade: true to delete them with it.",
    },
  });
}
