/**
 * `deleteX(key, ifVersion, cascade)` and `deleteXs(where, atMost, cascade, dryRun)`: parts go with their master; rows of others only when
 * the caller says so.
 */

import type { Transaction } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
import type { Entity } from "../../model/model.ts";
import { type Closure, closureOf, deleteClosure } from "./cascade.ts";
import type { WriteAttempt } from "./extension.ts";
import { inputObject, keyValues } from "./input-field.ts";
import { lockRow } from "./lock-row.ts";
import { type Key, planMatch } from "./match-rows.ts";
import { entityOf } from "./row-draft.ts";
import { showRows } from "./show-rows.ts";
import type { FieldResult, RowPlan, WriteScope } from "./write-plan.ts";
import type { TableCount } from "./write-rows.ts";

/** Plans `deleteX`. The payload shows the row as it was. @throws {BAD_USER_INPUT} */
export function planDelete(scope: WriteScope, entityName: string): RowPlan {
  const { model } = scope.request;
  const entity = entityOf(model, entityName);
  const { args } = scope.field;
  const key = keyValues({ model }, entity, { key: inputObject(args["key"], "key"), place: "key" });
  return {
    kind: "rows",
    pending: [],
    run: async (transaction, attempt) => {
      const ifVersion = args["ifVersion"];
      const locked = await lockRow(transaction, entity, { scope, key, ifVersion, strength: "UPDATE" });
      return deleteKeys({ scope, transaction, attempt }, { entity, keys: [locked.key], argument: "key" });
    },
  };
}

/** Plans `deleteXs`. The payload shows the rows as they were. @throws {BAD_USER_INPUT} {LIMIT_EXCEEDED} */
export function planDeleteMany(scope: WriteScope, entityName: string): RowPlan {
  const entity = entityOf(scope.request.model, entityName);
  const match = planMatch(scope, entity, "UPDATE");
  return {
    kind: "rows",
    pending: [],
    run: async (transaction, attempt) => {
      const keys = await match.lock(transaction);
      return deleteKeys({ scope, transaction, attempt }, { entity, keys, argument: "where" });
    },
  };
}

interface Doomed {
  readonly entity: Entity;
  readonly keys: readonly Key[];
  /** The argument that named them. */
  readonly argument: "key" | "where";
}

interface Deleting {
  readonly scope: WriteScope;
  readonly transaction: Transaction;
  readonly attempt: WriteAttempt | undefined;
}

async function deleteKeys({ scope, transaction, attempt }: Deleting, doomed: Doomed): Promise<FieldResult> {
  const { entity, keys, argument } = doomed;
  const { args } = scope.field;
  const many = argument === "where";
  const closure = await closureOf(transaction, scope.request.model, { entity, keys });
  if (args["cascade"] !== true) refuseReferrers(closure, doomed);
  const rows = await showRows(scope, transaction, { entity, many, keys });
  const erase = async () => {
    await attempt?.doom([...closure.found.values()].map((at) => ({ ...at, keys: [...at.keys.values()] })));
    const counts = await deleteClosure(transaction, closure);
    await attempt?.settle();
    return counts;
  };
  const rehearsed = () => rehearse(transaction, erase);
  const dry = attempt === undefined ? rehearsed : () => attempt.rehearse(rehearsed);
  const affected = args["dryRun"] === true ? await dry() : await erase();
  return { kind: "rows", entity, many, rows, count: keys.length, skipped: 0, affected };
}

/** What a delete would count. It is done and undone, so that rules which only the database knows have their say. */
async function rehearse(
  transaction: Transaction,
  erase: () => Promise<readonly TableCount[]>,
): Promise<readonly TableCount[]> {
  let counts: readonly TableCount[] | undefined;
  try {
    await transaction.savepoint(async () => {
      counts = await erase();
      throw new Undo("The end of a rehearsal.");
    });
  } catch (error) {
    if (!(error instanceof Undo)) throw error;
  }
  return counts ?? [];
}

/** Thrown to roll back to a savepoint. */
class Undo extends Error {}

function refuseReferrers({ referrers }: Closure, { entity, argument }: Doomed): void {
  if (referrers.length === 0) return;
  const list = referrers.map(({ table, count }) => `${count} of ${table}`).join(", ");
  const these = argument === "key" ? `this ${entity.name}` : `these rows of ${entity.name}`;
  throw new ServiceError("CONSTRAINT_VIOLATION", `Other rows refer to ${these}: ${list}.`, {
    details: {
      field: argument,
      referrers,
      kind: "still referenced",
      remedy: "Delete or change them first, or say cascade: true to delete them with it.",
    },
  });
}
