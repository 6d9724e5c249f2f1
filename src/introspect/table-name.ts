/** Stored table names taken apart: tier, base, part. @source datajoint-interop §1 */

import type { Tier } from "../model/model.ts";

/** What a stored name says of its table. */
export interface TableName {
  readonly tier: Tier;
  /** Of the table itself, or of the master of a part. */
  readonly base: string;
  /** Base of the part's own name. */
  readonly part?: string;
  /** Stored name of the master. */
  readonly master?: string;
}

const words = "[a-z][a-z0-9]*(?:_[a-z][a-z0-9]*)*";
const form = new RegExp(`^(#|__|_)?(${words})(?:__(${words}))?$`);
const tiers: Readonly<Record<string, Tier>> = { "#": "LOOKUP", _: "IMPORTED", __: "COMPUTED" };

/** `__scan_stats__unit` → COMPUTED, `scan_stats`, `unit`; `undefined` for a name that DataJoint would not give. */
export function readTableName(stored: string): TableName | undefined {
  const match = form.exec(stored);
  const base = match?.[2];
  if (match === null || base === undefined) return undefined;
  const prefix = match[1] ?? "";
  const part = match[3];
  return {
    tier: tiers[prefix] ?? "MANUAL",
    base,
    ...(part === undefined ? {} : { part, master: prefix + base }),
  };
}
