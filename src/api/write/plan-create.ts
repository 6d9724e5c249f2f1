/** `createX` and `createXs`. */

import { ServiceError } from "../../errors.ts";
import { draftRow } from "./draft-row.ts";
import type { PlacedInput } from "./extension.ts";
import { inputObject } from "./input-field.ts";
import type { OnConflict } from "./insert-rows.ts";
import { type DraftBook, entityOf, type RowDraft } from "./row-draft.ts";
import { showRows } from "./show-rows.ts";
import type { RowPlan, WriteScope } from "./write-plan.ts";
import { writeRows } from "./write-rows.ts";

/** An empty book for the rows of one field. */
export function openBook(scope: WriteScope): DraftBook {
  const { request, services } = scope;
  return {
    model: request.model,
    rows: [],
    pending: [],
    depth: 0,
    rowLimit: services.limits.rows,
    now: new Date(),
  };
}

/** Plans `createX(input)`. @throws {BAD_USER_INPUT} {LIMIT_EXCEEDED} */
export function planCreate(scope: WriteScope, entityName: string): Promise<RowPlan> {
  const input = inputObject(scope.field.args["input"], "input");
  return plan(scope, { entityName, inputs: [{ input, place: "input" }], onConflict: "ABORT", many: false });
}

/** Plans `createXs(rows, onConflict)`. @throws {BAD_USER_INPUT} {LIMIT_EXCEEDED} */
export function planCreateMany(scope: WriteScope, entityName: string): Promise<RowPlan> {
  const { rows, onConflict } = scope.field.args;
  const list: readonly unknown[] = Array.isArray(rows) ? rows : [];
  const inputs = list.map((input, index) => ({
    input: inputObject(input, `rows.${index}`),
    place: `rows.${index}`,
  }));
  return plan(scope, { entityName, inputs, onConflict: conflictRule(onConflict), many: true });
}

function conflictRule(value: unknown): OnConflict {
  if (value === undefined || value === null) return "ABORT";
  if (value === "ABORT" || value === "SKIP" || value === "UPDATE") return value;
  throw new ServiceError("BAD_USER_INPUT", `onConflict: ${String(value)} is no rule for conflicts.`, {
    details: { field: "onConflict", remedy: "Use ABORT, SKIP or UPDATE." },
  });
}

const howOf = { ABORT: "create", SKIP: "skip", UPDATE: "upsert" } as const;

interface Wish {
  readonly entityName: string;
  readonly inputs: readonly PlacedInput[];
  readonly onConflict: OnConflict;
  readonly many: boolean;
}

async function plan(scope: WriteScope, wish: Wish): Promise<RowPlan> {
  const { services, request } = scope;
  const entity = entityOf(request.model, wish.entityName);
  const book = openBook(scope);
  const { inputs: given, onConflict } = wish;
  const creates = { inputs: given, how: howOf[onConflict] };
  const inputs = (await services.extension?.beforeCreate(request, entity, creates)) ?? given;
  const roots: RowDraft[] = inputs.map((at) => draftRow(book, entity, at));
  return {
    kind: "rows",
    pending: book.pending,
    run: async (transaction, attempt) => {
      const changesOnly = onConflict === "UPDATE";
      const written = await writeRows(transaction, book, { onConflict, changesOnly, attempt });
      await attempt?.settle();
      const keys = roots.flatMap((row) => {
        const key = written.keys.get(row);
        return key === undefined ? [] : [key];
      });
      const rows = await showRows(scope, transaction, { entity, many: wish.many, keys });
      const skipped = roots.length - keys.length;
      return {
        kind: "rows",
        entity,
        many: wish.many,
        rows,
        count: keys.length,
        skipped,
        affected: written.affected,
      };
    },
  };
}
