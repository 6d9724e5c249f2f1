/** What refers to rows: its parts, which go with it, and the rows of others, which must be asked about. */

import type { Transaction } from "../../db/contract.ts";
import type { Entity, Model, Reference } from "../../model/model.ts";
import { identifier, qualified } from "../../sql/quote.ts";
import { keysJson } from "./lock-row.ts";
import type { Key } from "./match-rows.ts";
import { entityOf } from "./row-draft.ts";
import { type TableCount, tableCounts, tableName } from "./write-rows.ts";

/** Rows found, by entity. */
interface Found {
  readonly entity: Entity;
  /** Keys by their JSON. */
  readonly keys: Map<string, Key>;
}

/** Everything that stands on some rows of one entity, these included; all of it is locked. */
export interface Closure {
  readonly found: ReadonlyMap<string, Found>;
  /** Rows that are neither among those named nor parts of something that goes. */
  readonly referrers: readonly TableCount[];
}

/** A step along a foreign key from rows found to rows of `entity` that refer to them, or from a part up to its master. */
interface Step {
  readonly entity: Entity;
  readonly from: Entity;
  readonly on: readonly { readonly found: string; readonly next: string }[];
  /** True when the rows go with those found without being asked about. */
  readonly isPart: boolean;
  /** True from a part to its master. */
  readonly isUp: boolean;
}

/** Follows the foreign keys of the model from rows of one entity down to its leaves, and from parts up to their masters; locks what it finds. */
export async function closureOf(
  transaction: Transaction,
  model: Model,
  start: { entity: Entity; keys: readonly Key[] },
): Promise<Closure> {
  const found = new Map<string, Found>();
  const asked = new Map<string, number>();
  const waiting: { entity: Entity; keys: readonly Key[] }[] = [];
  const add = (entity: Entity, keys: readonly Key[]): number => {
    const known = found.get(entity.name) ?? { entity, keys: new Map<string, Key>() };
    found.set(entity.name, known);
    const fresh = keys.filter((key) => {
      const text = JSON.stringify(key);
      // Several parts lead up to one master.
      return !known.keys.has(text) && known.keys.set(text, key);
    });
    if (fresh.length > 0) waiting.push({ entity, keys: fresh });
    return fresh.length;
  };
  add(start.entity, start.keys);
  const named = waiting[0];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const step of stepsFrom(model, next.entity)) {
      // Parts that were named themselves go alone: their master is not what the caller asked about.
      if (next === named && step.isUp) continue;
      const count = add(step.entity, await follow(transaction, step, next.keys));
      if (!step.isPart && count > 0)
        asked.set(tableName(step.entity), (asked.get(tableName(step.entity)) ?? 0) + count);
    }
  }
  return { found, referrers: tableCounts(asked) };
}

/** Parts first: a row that is a part of what goes is never counted as a stranger. */
function stepsFrom(model: Model, entity: Entity): readonly Step[] {
  const down = model.entities.flatMap((other) =>
    other.references
      .filter((reference) => reference.target === entity.name)
      .map((reference): Step => downStep(entity, other, reference)),
  );
  const up = entity.references
    .filter((reference) => reference.target === masterOf(entity) && reference.inKey)
    .slice(0, 1)
    .map(
      (reference): Step => ({
        entity: entityOf(model, reference.target),
        from: entity,
        on: reference.columns.map((pair) => ({ found: pair.column, next: pair.target })),
        isPart: false,
        isUp: true,
      }),
    );
  return [...down, ...up].toSorted((a, b) => Number(b.isPart) - Number(a.isPart));
}

function masterOf(entity: Entity): string | undefined {
  return entity.listOf?.entity ?? entity.partOf;
}

function downStep(from: Entity, entity: Entity, reference: Reference): Step {
  const on = reference.columns.map((pair) => ({ found: pair.target, next: pair.column }));
  return { entity, from, on, isPart: masterOf(entity) === from.name && reference.inKey, isUp: false };
}

async function follow(transaction: Transaction, step: Step, keys: readonly Key[]): Promise<readonly Key[]> {
  const from = qualified(step.from.schema, step.from.table);
  const texts = step.entity.key.map((name) => `t.${identifier(name)}::text`);
  // The rows found are joined too: a reference need not be to the columns of their key alone when we go up.
  const self = step.from.key.map((name) => `f.${identifier(name)} = u.${identifier(name)}`);
  const on = step.on.map((pair) => `t.${identifier(pair.next)} = f.${identifier(pair.found)}`);
  const { rows } = await transaction.query<{ key: string[] }>(
    `SELECT ARRAY[${texts.join(", ")}] AS key
FROM json_populate_recordset(NULL::${from}, $1::json) AS u
JOIN ${from} AS f ON ${self.join(" AND ")}
JOIN ${qualified(step.entity.schema, step.entity.table)} AS t ON ${on.join(" AND ")}
ORDER BY ${step.entity.key.map((name) => `t.${identifier(name)}`).join(", ")} FOR UPDATE OF t`,
    [keysJson(step.from, keys)],
  );
  return rows.map((row) => row.key);
}

/**
 * Deletes everything of a closure in one statement: foreign keys are checked when it ends, so that circles go too.
 * @throws {CONSTRAINT_VIOLATION} when a table that the model does not know refers to one of the rows.
 */
export async function deleteClosure(
  transaction: Transaction,
  closure: Closure,
): Promise<readonly TableCount[]> {
  const all = [...closure.found.values()];
  const parts = all.map(({ entity }, index) => {
    const table = qualified(entity.schema, entity.table);
    const on = entity.key.map((name) => `t.${identifier(name)} = u.${identifier(name)}`);
    return `d${index} AS (DELETE FROM ${table} AS t USING json_populate_recordset(NULL::${table}, $${index + 1}::json) AS u WHERE ${on.join(" AND ")} RETURNING 1)`;
  });
  const counts = all.map((_, index) => `(SELECT count(*) FROM d${index})::text AS c${index}`);
  const values = all.map(({ entity, keys }) => keysJson(entity, [...keys.values()]));
  const { rows } = await transaction.query<Record<string, string>>(
    `WITH ${parts.join(",\n")}\nSELECT ${counts.join(", ")}`,
    values,
  );
  return tableCounts(
    new Map(all.map(({ entity }, index) => [tableName(entity), Number(rows[0]?.[`c${index}`] ?? 0)])),
  );
}
