/** How long a table is expected to be locked while it is written anew. */

import type { FoundTable } from "./found.ts";

/** Measured on two busy cores and an SSD with PostgreSQL 18, 300,000 rows without large values and 200 MiB of them: each row, and each MiB of the table with what lies beside it. */
const perRowMs = 0.0035;
const perMebibyteMs = 25;

export function expectedLockMs({ estimatedRows, bytes }: FoundTable): number {
  return Math.ceil(Math.max(0, estimatedRows) * perRowMs + (Number(bytes) / 2 ** 20) * perMebibyteMs);
}
