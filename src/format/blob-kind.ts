/** The kind of a packed value, from its first bytes: in JavaScript, and in SQL over a bytea column. */

import { corrupt } from "./fault.ts";
import type { Value } from "./value.ts";

const kinds: ReadonlyMap<number, Value["t"]> = new Map([
  [0xff, "null"],
  [0x0b, "bool"],
  [0x0a, "int"],
  [0x0d, "float"],
  [0x0c, "complex"],
  [0x05, "str"],
  [0x06, "bytes"],
  [0x01, "tuple"],
  [0x02, "list"],
  [0x03, "set"],
  [0x04, "dict"],
  [0x64, "decimal"],
  [0x75, "uuid"],
  [0x41, "ndarray"],
  [0x53, "matstruct"],
  [0x43, "matcell"],
]);

const timeTag = 0x74;
const recordTag = 0x46;

/** Kind of packed, uncompressed bytes. @throws {CODEC_CORRUPT} when their first tag is unknown. */
export function kindOfPacked(bytes: Uint8Array): Value["t"] {
  const tag = bytes[4] ?? 0;
  const start = Buffer.from(bytes.subarray(5, 17)).toString("hex");
  if (tag === timeTag) {
    if (start.startsWith("ffffffff")) return "time";
    return start.endsWith("f".repeat(16)) ? "date" : "datetime";
  }
  // Records without fields are how an empty array of values is written.
  if (tag === recordTag) return start.startsWith("00000000") ? "ndarray" : "recarray";
  const kind = kinds.get(tag);
  if (kind === undefined)
    throw corrupt(`The blob holds the unknown tag 0x${tag.toString(16).padStart(2, "0")}.`);
  return kind;
}

/** The same in SQL; NULL for compressed values and for bytes that are no blob. */
export function blobKindSql(column: string): string {
  const hex = (from: number, count: number) => `encode(substr(${column}, ${from}, ${count}), 'hex')`;
  const plain = [...kinds].map(([tag, kind]) => `WHEN ${tag} THEN '${kind}'`).join(" ");
  const isTime = `CASE WHEN ${hex(6, 4)} = 'ffffffff' THEN 'time' WHEN ${hex(10, 8)} = 'ffffffffffffffff' THEN 'date' ELSE 'datetime' END`;
  const isRecord = `CASE WHEN ${hex(6, 4)} = '00000000' THEN 'ndarray' ELSE 'recarray' END`;
  return (
    `(CASE WHEN octet_length(${column}) > 4 AND ${hex(1, 4)} IN ('6d596d00', '646a3000') ` +
    `THEN CASE get_byte(${column}, 4) ${plain} WHEN ${timeTag} THEN ${isTime} WHEN ${recordTag} THEN ${isRecord} END END)`
  );
}
