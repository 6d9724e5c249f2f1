/** Where a subscriber is in the stream of changes, and the cursor that says so to clients. */

import { type ChangeEntry, type PositionState, positionState } from "../../db/changes.ts";
import type { Queryable } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
import { type Snapshot, snapshotOf } from "./snapshot.ts";

/**
 * All that `base` sees lies before it. Within a batch, so does what `within.snapshot` sees of the entries below `number`, and of the entry
 * `number` the first `row` rows. A number alone would not do: what has the smaller number may be committed later.
 */
export interface Position {
  readonly base: Snapshot;
  readonly within?: { readonly snapshot: Snapshot; readonly number: bigint; readonly row: number };
}

/** The cursor of a position: base64 of JSON, as `Query.changeCursor` has it. */
export function cursorOf({ base, within }: Position): string {
  const parts =
    within === undefined
      ? [base.text]
      : [base.text, within.snapshot.text, within.number.toString(), within.row];
  return Buffer.from(JSON.stringify(parts)).toString("base64");
}

/** The position behind a row of an entry that is read between two snapshots. */
export function behind(
  range: { readonly base: Snapshot; readonly to: Snapshot },
  { number }: Pick<ChangeEntry, "number">,
  row: number,
): Position {
  return { base: range.base, within: { snapshot: range.to, number, row } };
}

/** The position of a cursor. @throws {BAD_USER_INPUT} when it is none, {CHANGES_GONE} when what follows it is no longer kept. */
export async function positionOf(db: Queryable, cursor: string): Promise<Position> {
  const { base, within } = partsOf(cursor);
  if (within !== undefined) checkState(await positionState(db, within.snapshot));
  checkState(await positionState(db, base));
  if (within === undefined) return { base: snapshotOf(base) };
  return { base: snapshotOf(base), within: { ...within, snapshot: snapshotOf(within.snapshot) } };
}

interface Parts {
  readonly base: string;
  readonly within?: { readonly snapshot: string; readonly number: bigint; readonly row: number };
}

function partsOf(cursor: string): Parts {
  const parts = decoded(cursor);
  const [base, snapshot, number, row] = parts;
  if (typeof base !== "string") throw noCursor();
  if (parts.length === 1) return { base };
  const isNumber = typeof number === "string" && /^\d{1,18}$/.test(number);
  if (typeof snapshot !== "string" || !isNumber || typeof row !== "number") throw noCursor();
  if (!Number.isSafeInteger(row) || row < 0) throw noCursor();
  return { base, within: { snapshot, number: BigInt(number), row } };
}

/** @throws {CHANGES_GONE} when what follows the position is no longer kept. */
export async function checkKept(db: Queryable, { base }: Position): Promise<void> {
  checkState(await positionState(db, base.text));
}

function checkState(state: PositionState): void {
  if (state === "foreign") throw noCursor();
  if (state === "pruned") throw changesGone("The changes after this position are no longer kept");
}

function decoded(cursor: string): readonly unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64").toString("utf8"));
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}

function noCursor(): ServiceError {
  return new ServiceError("BAD_USER_INPUT", "after is no cursor of this database's changes.", {
    details: {
      field: "after",
      remedy: "Give the cursor of a change, or changeCursor of a query. After a restore read the rows anew.",
    },
  });
}

/** The refusal to go on as if nothing had been missed. */
export function changesGone(what: string): ServiceError {
  return new ServiceError(
    "CHANGES_GONE",
    `${what}: read the rows anew, and subscribe after changeCursor of that query.`,
    {
      details: {
        field: "after",
        setting: "HOLDFAST_CHANGES_KEPT",
        remedy: "Ask for changeCursor beside the rows, and give it as after.",
      },
    },
  );
}
