/** Opens the stored value of a field for an extension. */

import { decodeChain, unwrapChain } from "../../codec/chain.ts";
import type { JsonObject, StoredValue } from "../../codec/contract.ts";
import { openStored } from "../../codec/open-stored.ts";
import type { Queryable } from "../../db/contract.ts";
import type { StoredContent, Values } from "../../extend/contract.ts";
import type { CodecUse, Column, Entity } from "../../model/model.ts";
import { identifier, qualified } from "../../sql/quote.ts";
import { keysJson } from "../write/lock-row.ts";
import { entityKey } from "./entity-key.ts";
import type { UserServices } from "./services.ts";

/** Which value. */
export interface ObjectAddress {
  readonly queryable: Queryable;
  readonly signal: AbortSignal;
  /** `Recording.voltage` */
  readonly field: string;
  readonly key: Values | string;
}

/** Opens a value; null where there is no row, or no value in it. @throws TypeError for a field without @codec. */
export async function openObject(
  services: UserServices,
  { queryable, signal, field, key }: ObjectAddress,
): Promise<StoredContent | null> {
  const { model } = services;
  const { entity, column, use } = placeOf(services, field);
  const table = qualified(entity.schema, entity.table);
  const keys = keysJson(entity, [entityKey(model, entity, key)]);
  const on = entity.key.map((name) => `t.${identifier(name)} = u.${identifier(name)}`);
  const { rows } = await queryable.query<{ value: unknown }>(
    `SELECT t.${identifier(column.name)} AS value FROM ${table} AS t
JOIN json_populate_recordset(NULL::${table}, $1::json) AS u ON ${on.join(" AND ")}`,
    [keys],
    { signal },
  );
  const value = rows[0]?.value;
  return value === null || value === undefined ? null : contentOf(services, { field, use, signal }, value);
}

function placeOf(
  { model }: UserServices,
  field: string,
): { readonly entity: Entity; readonly column: Column; readonly use: CodecUse } {
  const [type = "", name = ""] = field.split(".");
  const entity = model.entity.get(type);
  const column = entity?.columns.find((one) => one.field === name);
  const use = column?.type.codec;
  if (entity === undefined || column === undefined || use === undefined)
    throw new TypeError(`${field} is no field with @codec: name one as "Type.field".`);
  return { entity, column, use };
}

function contentOf(
  { registry, objects, limits }: UserServices,
  { field, use, signal }: { readonly field: string; readonly use: CodecUse; readonly signal: AbortSignal },
  value: unknown,
): StoredContent {
  // bytea comes as bytes, jsonb as text; the API writes objects into the latter.
  const stored =
    value instanceof Uint8Array
      ? { base64: Buffer.from(value).toString("base64") }
      : { meta: JSON.parse(String(value)) as JsonObject };
  const outer = openStored({ registry, objects }, use, stored);
  const inner = (): StoredValue => unwrapChain(registry, use, outer);
  const context = { field, inlineLimitBytes: limits.inlineLimitBytes, signal };
  return {
    meta: stored.meta,
    decode: () => decodeChain(registry, use, { value: outer, context }),
    bytes: () => inner().bytes(),
    files: async function* (prefix) {
      const tree = await outer.tree();
      yield* tree.entries({ signal, ...(prefix === undefined ? {} : { prefix }) });
    },
    file: async (path) => (await outer.tree()).file(path, signal),
  };
}
