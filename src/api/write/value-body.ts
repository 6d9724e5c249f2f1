/** Encoded values as cells, and a name for equal bytes. */

import { randomUUID } from "node:crypto";
import type { Encoded, JsonObject } from "../../codec/contract.ts";
import type { StageBody, StageRequest } from "../../object/contract.ts";
import { digestOfBytes } from "../../object/digest.ts";
import type { ColumnValue } from "../../plan/column-value.ts";

/** JSON metadata as a cell. */
export function jsonCell(meta: JsonObject): ColumnValue {
  return { kind: "json", json: JSON.stringify(meta) };
}

/** Bytes in the row as a cell. */
export async function collectBody(body: Encoded["body"]): Promise<ColumnValue> {
  const chunks: Uint8Array[] = [];
  if (body instanceof Uint8Array) chunks.push(body);
  else for await (const chunk of body()) chunks.push(chunk);
  return { kind: "text", text: `\\x${Buffer.concat(chunks).toString("hex")}` };
}

/** Equal for bytes that may be one object: same store, same schema, addressed by content. Otherwise a name of its own. */
export function bodyKey(target: StageRequest, body: StageBody): string {
  if (target.addressing !== "hash" || !(body instanceof Uint8Array)) return randomUUID();
  return `${target.store}/${target.schema}/${digestOfBytes(body).sha256}`;
}
