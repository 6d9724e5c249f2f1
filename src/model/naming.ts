/** Names: GraphQL ↔ stored, by DataJoint's class rule. `@source` datajoint-interop §1, §2. */

import { createHash } from "node:crypto";
import type { Tier } from "./model.ts";

/** Longest identifier that PostgreSQL keeps, in bytes. */
export const identifierLimitBytes = 63;

/** Longest column name of a codec field in a store: its hidden column is `_<name>_ref`. */
export const storeColumnLimitBytes = identifierLimitBytes - "__ref".length;

/** Each capital becomes `_` and its lower case, none at the start: `LFPScan` → `l_f_p_scan`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter, at: number) => `${at === 0 ? "" : "_"}${letter.toLowerCase()}`);
}

/** The way back for columns: `started_at` → `startedAt`. `snakeCase(camelCase(x))` is `x` for every attribute name. */
export function camelCase(stored: string): string {
  return stored.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The way back for tables: drops each run of `_` and other non-word characters and capitalises the letter after it. */
export function pascalCase(stored: string): string {
  return stored.replace(/(?:^|[\W_]+)([A-Za-z0-9]|$)/g, (_, letter: string) => letter.toUpperCase());
}

/** First letter lower: `Session` → `session`. */
export function lowerFirst(name: string): string {
  return name.slice(0, 1).toLowerCase() + name.slice(1);
}

/** First letter upper: `sessions` → `Sessions`. */
export function upperFirst(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

/** What stands before the base of a stored table name. */
export function tierPrefix(tier: Tier): string {
  return { MANUAL: "", LOOKUP: "#", IMPORTED: "_", COMPUTED: "__" }[tier];
}

/** Name of the PostgreSQL type that the peer makes for a set of enum values: the order does not count. */
export function enumTypeName(values: readonly string[]): string {
  const sorted = [...values].sort(byCodePoint).join("_");
  return `enum_${createHash("md5").update(sorted, "utf8").digest("hex").slice(0, 8)}`;
}

function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8"));
}

/** Query field for one row by a unique: `subjectByName`, `sessionByRigAndStartedAt`. */
export function uniqueFieldName(singular: string, fields: readonly string[]): string {
  return `${singular}By${fields.map(upperFirst).join("And")}`;
}

/** Whether a name is one DataJoint accepts for an attribute. */
export function isAttributeName(name: string): boolean {
  return /^[a-z][a-z0-9_]*$/.test(name);
}

/** Whether a name is one DataJoint accepts as the base of a table name. */
export function isTableBase(name: string): boolean {
  return /^[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*$/.test(name);
}

/** Length as PostgreSQL counts it. */
export function sizeInBytes(name: string): number {
  return Buffer.byteLength(name, "utf8");
}
