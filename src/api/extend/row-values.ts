/** Rows as extensions see them outside documents: their scalar fields by the API's names. */

import type { Queryable } from "../../db/contract.ts";
import type { Values } from "../../extend/contract.ts";
import type { Entity } from "../../model/model.ts";
import type { RowField, RowSelection } from "../../plan/plan.ts";
import { compileRows } from "../../sql/select.ts";
import { parameterValues } from "../../sql/select-builder.ts";
import { codecSql } from "../codec-sql.ts";
import { groupKeys } from "../node-id.ts";
import { isNotFinite } from "../not-finite.ts";
import { withRules } from "../row-rules.ts";
import { keyColumns } from "../schema-sdl-input.ts";
import type { WriteContext } from "../write/contract.ts";
import type { UserServices } from "./services.ts";

const selections = new WeakMap<Entity, RowSelection>();

/** `id`, `rowVersion` and every scalar field; values of codecs are opened, not listed. */
function scalarFields(entity: Entity): RowSelection {
  const known = selections.get(entity);
  if (known !== undefined) return known;
  const columns = entity.columns.flatMap((column): RowField[] =>
    column.type.codec === undefined && (column.exposed || column.inKey)
      ? [{ kind: "column", key: column.field, column: column.name, nullable: column.nullable }]
      : [],
  );
  const made: RowSelection = [
    { kind: "id", key: "id" },
    { kind: "rowVersion", key: "rowVersion" },
    ...columns,
  ];
  // A cache of a pure function: the model is frozen.
  selections.set(entity, made);
  return made;
}

/** Rows in the order of their keys; null where there is none. NaN and the infinities of a Float are JavaScript's own. */
export async function rowValues(
  services: Pick<UserServices, "model" | "registry" | "rules">,
  queryable: Queryable,
  at: {
    readonly entity: Entity;
    readonly keys: readonly (readonly string[])[];
    /** Who asks; hooks, which ask for nobody, see every row. */
    readonly context?: WriteContext;
    readonly signal?: AbortSignal;
  },
): Promise<readonly (Values | null)[]> {
  const { entity, keys, context, signal } = at;
  if (keys.length === 0) return [];
  const { model, registry } = services;
  const seen = withRules([groupKeys(entity, keys)], context && services.rules?.of(context));
  const statement = compileRows(entity.name, scalarFields(entity), {
    model,
    codecs: codecSql(registry),
    ...seen,
  });
  const values = parameterValues(statement.parameters, seen.resolved);
  const { rows } = await queryable.query<{ data: string }>(statement.text, values, { signal });
  // The statement answers a list with one element for each key.
  const floats = new Set(
    entity.columns.flatMap(({ type, field }) => (type.graphql === "Float" ? [field] : [])),
  );
  return JSON.parse(rows[0]?.data ?? "[]", (key, value: unknown) =>
    floats.has(key) && isNotFinite(value) ? Number(value) : value,
  ) as (Values | null)[];
}

/** The key of a row, as key inputs have it. */
export function keyValuesOf(entity: Entity, row: Values): Values {
  return Object.fromEntries(keyColumns(entity).map(({ field }) => [field, row[field]]));
}
