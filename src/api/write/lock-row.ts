import type { Transaction } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
import type { Entity } from "../../model/model.ts";
import { identifier } from "../../sql/quote.ts";
import { parameterValues } from "../../sql/select-builder.ts";
import { compileLock } from "../../sql/select-match.ts";
import { selectContext } from "./match-rows.ts";
import { columnOf, emptyRow, type RowDraft } from "./row-draft.ts";
import type { WriteScope } from "./write-plan.ts";

/** A row named by its key, held by this transaction. */
export interface LockedRow {
  /** PostgreSQL text of the key columns. */
  readonly key: readonly string[];
  readonly version: string;
}

/** Condition that `t` is the row whose key is in `record`. */
export function keyCondition(entity: Entity, record = "u"): string {
  return entity.key.map((name) => `t.${identifier(name)} = ${record}.${identifier(name)}`).join(" AND ");
}

/** JSON of a key for `json_populate_record`. */
function keyJson(key: ReadonlyMap<string, string>): string {
  return JSON.stringify(Object.fromEntries(key));
}

/** JSON of keys for `json_populate_recordset`; each has the texts of the entity's key columns in their order. */
export function keysJson(entity: Entity, keys: readonly (readonly string[])[]): string {
  return JSON.stringify(
    keys.map((key) => Object.fromEntries(entity.key.map((name, index) => [name, key[index]]))),
  );
}

/**
 * Locks the row so that nobody changes it before we do; a row that the viewer does not see is none.
 * @throws {NOT_FOUND} when there is none, {PRECONDITION_FAILED} when its version is not `ifVersion`.
 */
export async function lockRow(
  transaction: Transaction,
  entity: Entity,
  wanted: {
    scope: WriteScope;
    key: ReadonlyMap<string, string>;
    ifVersion: unknown;
    strength: "UPDATE" | "NO KEY UPDATE";
  },
): Promise<LockedRow> {
  const context = selectContext(wanted.scope, { key: keyJson(wanted.key) });
  const { text, parameters } = compileLock(entity, context, wanted.strength);
  const { rows } = await transaction.query<LockedRow>(text, parameterValues(parameters, context.resolved));
  const [row] = rows;
  if (row === undefined) throw missing(entity, wanted.key);
  if (typeof wanted.ifVersion === "string" && wanted.ifVersion !== row.version)
    throw changed(entity, row, wanted.ifVersion);
  return row;
}

function missing(entity: Entity, key: ReadonlyMap<string, string>): ServiceError {
  return new ServiceError("NOT_FOUND", `There is no ${entity.name} with ${said(entity, key)}.`, {
    details: { field: "key", value: said(entity, key), remedy: "Check the key." },
  });
}

function said(entity: Entity, key: ReadonlyMap<string, string>): string {
  return entity.key.map((name) => `${columnOf(entity, name).field} = ${key.get(name) ?? "?"}`).join(", ");
}

function changed(entity: Entity, row: LockedRow, ifVersion: string): ServiceError {
  return new ServiceError(
    "PRECONDITION_FAILED",
    `The ${entity.name} is in version ${row.version}, not in ${ifVersion}: somebody changed it.`,
    {
      details: {
        field: "ifVersion",
        value: ifVersion,
        currentVersion: row.version,
        remedy: "Read the row again, decide anew, and send its rowVersion.",
      },
    },
  );
}

/** A draft that stands for an existing row: it has the key and nothing else. */
export function existingRow(entity: Entity, key: ReadonlyMap<string, string>, place: string): RowDraft {
  const cells = new Map([...key].map(([name, text]) => [name, { kind: "text", text } as const]));
  return { ...emptyRow(entity, place), cells };
}
