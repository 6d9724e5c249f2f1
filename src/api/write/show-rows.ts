import { type FieldNode, getNamedType, isObjectType } from "graphql";
import type { Queryable } from "../../db/contract.ts";
import type { Entity } from "../../model/model.ts";
import { collectFields, selectionSets } from "../../plan/collect-fields.ts";

import type { ShownRows, WriteScope } from "./write-plan.ts";

/** Name of the payload's field that holds the row or the rows. */
export function rowFieldName(entity: Entity, many: boolean): string {
  return many ? entity.plural : entity.singular;
}

/** The fields of the payload by response name. */
export function payloadFields(scope: WriteScope): ReadonlyMap<string, readonly [FieldNode, ...FieldNode[]]> {
  const type = getNamedType(scope.field.definition.type);
  return isObjectType(type)
    ? collectFields(scope.request, type, selectionSets(scope.field.nodes))
    : new Map();
}

/** Whether the payload selects the rows themselves. */
export function showsRows(scope: WriteScope, entity: Entity, many: boolean): boolean {
  const name = rowFieldName(entity, many);
  return payloadFields(scope)
    .values()
    .some((nodes) => nodes[0].name.value === name);
}

/** Reads rows as the payload selects them, under each of its response names. */
export async function showRows(
  scope: WriteScope,
  transaction: Queryable,
  shown: { entity: Entity; many: boolean; keys: readonly (readonly string[])[] },
): Promise<ShownRows> {
  const { entity, many, keys } = shown;
  const rows = new Map<string, Awaited<ReturnType<typeof scope.services.readBack>>>();
  for (const [name, nodes] of payloadFields(scope)) {
    if (nodes[0].name.value !== rowFieldName(entity, many)) continue;
    const path = [scope.field.responseName, name];
    rows.set(
      name,
      await scope.services.readBack(transaction, { entity, keys, nodes, request: scope.request, path }),
    );
  }
  return rows;
}
