/** What the database and the stores hold, to the last bit: for tests that something left no trace. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { Queryable } from "../../../src/db/contract.ts";

/** A bookkeeping of everything there is. */
export interface Ledger {
  /** For each table its number of rows and a checksum of them with their versions, holds and objects included. */
  readonly tables: Readonly<Record<string, string>>;
  /** Keys of stores that are reserved for bytes on their way. */
  readonly reserved: readonly { readonly locator: string; readonly row: string }[];
  /** Files of the stores, as locators. */
  readonly files: readonly string[];
}

/** Reads the ledger. Reserved keys stand apart from the other tables. */
export async function readLedger(db: Queryable, folder: string): Promise<Ledger> {
  const { rows: tables } = await db.query<{ name: string }>(
    `SELECT format('%I.%I', nspname, relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
      WHERE relkind = 'r' AND nspname !~ '^pg_|^information_schema$' ORDER BY 1`,
  );
  const sums = tables
    .filter(({ name }) => name !== "holdfast.upload")
    .map(
      ({ name }) =>
        `SELECT '${name}' AS name, count(*) || ' rows ' || coalesce(md5(string_agg(r, ' ' ORDER BY r)), '') AS sum FROM (SELECT t::text || t.xmin AS r FROM ${name} t) r`,
    );
  const { rows } = await db.query<{ name: string; sum: string }>(sums.join(" UNION ALL "));
  const { rows: reserved } = await db.query<{ locator: string; row: string }>(
    "SELECT locator, (to_jsonb(u) - 'expires_at')::text AS row FROM holdfast.upload u ORDER BY locator",
  );
  return {
    tables: Object.fromEntries(rows.map(({ name, sum }) => [name, sum])),
    reserved,
    files: await filesOf(folder),
  };
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replace("/", ":"),
    )
    .sort();
}

/**
 * After a write that failed: no row, hold, object or tombstone is other than before, down to the version of each row. What may be new are keys
 * that are reserved and the bytes under them, which nothing refers to and the reaper removes when the lease is over.
 */
export function expectOnlyReserved(before: Ledger, after: Ledger): void {
  expect(after.tables).toEqual(before.tables);
  expect(after.reserved).toEqual(expect.arrayContaining([...before.reserved]));
  expect(after.files).toEqual(expect.arrayContaining([...before.files]));
  const known = new Set(before.files);
  const locators = after.reserved.map(({ locator }) => locator);
  for (const file of after.files)
    if (!known.has(file))
      expect(
        locators.some((locator) => file === locator || file.startsWith(`${locator}/`)),
        file,
      ).toBe(true);
}
