/** `updateX(key, set, ifVersion)` and `updateXs(where, set, atMost)`. */

import { addressingOf } from "../../codec/chain.ts";
import { ServiceError } from "../../errors.ts";
import type { Entity } from "../../model/model.ts";
import { draftPatch } from "./draft-patch.ts";
import { type Input, inputObject, keyValues } from "./input-field.ts";
import { existingRow, lockRow } from "./lock-row.ts";
import { planMatch } from "./match-rows.ts";
import { openBook } from "./plan-create.ts";
import { type DraftBook, entityOf, type RowDraft } from "./row-draft.ts";
import { showRows } from "./show-rows.ts";
import { updateRows } from "./update-rows.ts";
import type { RowPlan, WriteScope } from "./write-plan.ts";

/** Plans `updateX`. @throws {BAD_USER_INPUT} */
export async function planUpdate(scope: WriteScope, entityName: string): Promise<RowPlan> {
  const entity = entityOf(scope.request.model, entityName);
  const { args } = scope.field;
  const book = openBook(scope);
  const key = keyValues(book, entity, { key: inputObject(args["key"], "key"), place: "key" });
  const row = existingRow(entity, key, "set");
  const given = { key: inputObject(args["key"], "key"), set: inputObject(args["set"], "set") };
  draftPatch(book, row, await patchOf(scope, entity, given));
  return {
    kind: "rows",
    pending: book.pending,
    run: async (transaction, attempt) => {
      const ifVersion = args["ifVersion"];
      const locked = await lockRow(transaction, entity, { scope, key, ifVersion, strength: "NO KEY UPDATE" });
      const affected = await updateRows(transaction, { book, row, attempt }, [locked.key]);
      await attempt?.settle();
      const rows = await showRows(scope, transaction, { entity, many: false, keys: [locked.key] });
      return { kind: "rows", entity, many: false, rows, count: 1, skipped: 0, affected };
    },
  };
}

/** Plans `updateXs`. @throws {BAD_USER_INPUT} {LIMIT_EXCEEDED} */
export async function planUpdateMany(scope: WriteScope, entityName: string): Promise<RowPlan> {
  const entity = entityOf(scope.request.model, entityName);
  const match = planMatch(scope, entity, "NO KEY UPDATE");
  const book = openBook(scope);
  // Stands for all rows that will be found.
  const row = existingRow(entity, new Map(), "set");
  const { where, set } = scope.field.args;
  const given = { where: inputObject(where, "where"), set: inputObject(set, "set") };
  draftPatch(book, row, await patchOf(scope, entity, given));
  refuseKeyColumns(row);
  refuseOneObjectForMany(scope, { book, row, atMost: match.atMost });
  return {
    kind: "rows",
    pending: book.pending,
    run: async (transaction, attempt) => {
      const keys = await match.lock(transaction);
      const affected = await updateRows(transaction, { book, row, attempt }, keys);
      await attempt?.settle();
      const rows = await showRows(scope, transaction, { entity, many: true, keys });
      return { kind: "rows", entity, many: true, rows, count: keys.length, skipped: 0, affected };
    },
  };
}

async function patchOf(
  { services, request }: WriteScope,
  entity: Entity,
  change: { readonly key?: Input; readonly where?: Input; readonly set: Input },
): Promise<Input> {
  return (await services.extension?.beforeUpdate(request, entity, change)) ?? change.set;
}

/** A reference that shares a column with the key can be set only where the row's key is known. */
function refuseKeyColumns(row: RowDraft): void {
  const { entity } = row;
  const name = entity.key.find((column) => row.cells.has(column));
  if (name === undefined) return;
  const reference = entity.references.find(
    (one) => !one.inKey && one.columns.some(({ column }) => column === name),
  );
  const field = `set.${reference?.field ?? name}`;
  const remedy = `Set it row by row, with update${entity.name}.`;
  throw new ServiceError(
    "BAD_USER_INPUT",
    `${field} shares the column ${name} with the key, which differs from row to row. ${remedy}`,
    { details: { field, remedy } },
  );
}

/** Schema-addressed objects are one for each row, so that what happens to one row's object touches no other. @source datajoint-interop.md §9.2 */
function refuseOneObjectForMany(
  scope: WriteScope,
  { book, row, atMost }: { readonly book: DraftBook; readonly row: RowDraft; readonly atMost: number },
): void {
  for (const { row: holder, column, place, input } of book.pending) {
    const use = column.type.codec;
    if (use === undefined || (holder !== row && holder.owner !== row)) continue;
    if (addressingOf(scope.services.codecs, use) !== "schema") continue;
    const isUpload = typeof input["upload"] === "string";
    if (atMost <= 1 && !isUpload) continue;
    const fault = isUpload
      ? "an upload is for the row of one key"
      : `the codec ${use.name} keeps an object of its own for each row, so one value cannot be set in many`;
    const remedy = `Set it row by row, with update${row.entity.name}${isUpload ? "" : ", or let atMost be 1"}.`;
    throw new ServiceError("BAD_USER_INPUT", `${place}: ${fault}. ${remedy}`, {
      details: { field: place, remedy },
    });
  }
}
