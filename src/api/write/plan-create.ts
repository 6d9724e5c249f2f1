/** `createX` and `createXs`. */

import { ServiceError } from "../../errors.ts";
import type { Entity } from "../../model/model.ts";
import { draftRow } from "./draft-row.ts";
import { explainConstraint } from "./explain-constraint.ts";
import type { PlacedInput } from "./extension.ts";
import { inputObject } from "./input-field.ts";
import type { OnConflict } from "./insert-rows.ts";
import { insertPlainRows, type PlainRows, plainRows } from "./plain-rows.ts";
import { type DraftBook, entityOf, type RowDraft } from "./row-draft.ts";
import { showRows, showsRows } from "./show-rows.ts";
import type { RowPlan, WriteScope } from "./write-plan.ts";
import { tableCounts, tableName, writeRows } from "./write-rows.ts";

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

async function plan(scope: WriteScope, asked: Wish): Promise<RowPlan> {
  const { services, request } = scope;
  const entity = entityOf(request.model, asked.entityName);
  const creates = { inputs: asked.inputs, how: howOf[asked.onConflict] };
  const placed = (await services.extension?.beforeCreate(request, entity, creates)) ?? asked.inputs;
  const wish: Wish = { ...asked, inputs: placed };
  const isBulk =
    wish.many && placed.length > 0 && wish.onConflict === "ABORT" && placed.length <= services.limits.rows;
  const inputs = placed.map(({ input }) => input);
  const plain = isBulk ? plainRows(request.model, entity, inputs) : undefined;
  return plain === undefined ? planDrafts(scope, entity, wish) : planPlain(scope, plain, wish);
}

function draftAll(scope: WriteScope, entity: Entity, wish: Wish): { book: DraftBook; roots: RowDraft[] } {
  const book = openBook(scope);
  return { book, roots: wish.inputs.map((at) => draftRow(book, entity, at)) };
}

function planPlain(scope: WriteScope, plain: PlainRows, wish: Wish): RowPlan {
  const { entity, count } = plain;
  return {
    kind: "rows",
    pending: [],
    run: async (transaction, attempt) => {
      const wantsKeys = showsRows(scope, entity, wish.many) || attempt?.watches(entity) === true;
      const keys = await insertPlainRows(transaction, plain, wantsKeys).catch((error: unknown) => {
        // Only to tell which row it was.
        throw explainConstraint(error, draftAll(scope, entity, wish).roots);
      });
      attempt?.wrote(
        entity,
        keys.map((key) => ({ key, isNew: true })),
      );
      await attempt?.settle();
      const rows = await showRows(scope, transaction, { entity, many: wish.many, keys });
      const affected = tableCounts(new Map([[tableName(entity), count]]));
      return { kind: "rows", entity, many: wish.many, rows, count, skipped: 0, affected };
    },
  };
}

function planDrafts(scope: WriteScope, entity: Entity, wish: Wish): RowPlan {
  const { book, roots } = draftAll(scope, entity, wish);
  const { onConflict } = wish;
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
