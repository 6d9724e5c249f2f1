/** Whether the bytes that the rows of a column refer to are in their stores. Nothing is read of them. */

import { isThere } from "../collector/bytes-of.ts";
import type { Queryable } from "../db/contract.ts";
import { isServiceError } from "../errors.ts";
import type { Stores } from "../store/contract.ts";
import type { Findings } from "./contract.ts";
import { sqlName } from "./found.ts";
import { locatorText, namedRows, rowsOf, type ValueColumn } from "./values.ts";

/** Locators of a page; and requests side by side. */
const pageSize = 20_000;
const atOnce = 16;

interface Look {
  readonly stores: Stores;
  readonly signal: AbortSignal;
  readonly onStep: (step: string) => void;
}

/**
 * The rows whose bytes are missing.
 * @throws {STORE_UNAVAILABLE} and others where a store does not answer: that says nothing about bytes.
 */
export async function missingRows(db: Queryable, at: ValueColumn, look: Look): Promise<Findings> {
  const locator = locatorText(at);
  let [count, seen, after] = [0, 0, ""];
  const rows: Findings["rows"][number][] = [];
  for (;;) {
    look.signal.throwIfAborted();
    const page = await db.query<{ locator: string }>(
      `SELECT DISTINCT ${locator} AS locator FROM ${sqlName(at.table)} WHERE ${locator} > $1 ORDER BY 1 LIMIT ${pageSize}`,
      [after],
    );
    const locators = page.rows.map((row) => row.locator);
    const missing = await missingOf(locators, look);
    seen += locators.length;
    look.onStep(`looking for the bytes of ${sqlName(at.table)}: ${seen}`);
    if (missing.length > 0) {
      const limit = namedRows - rows.length;
      const message = "its bytes are not in the store";
      const found = await rowsOf(db, at, { locators: missing, message, limit });
      count += found.count;
      rows.push(...found.rows);
    }
    if (locators.length < pageSize) return { count, rows };
    after = locators.at(-1) ?? after;
  }
}

async function missingOf(locators: readonly string[], { stores, signal }: Look): Promise<string[]> {
  const missing: string[] = [];
  const queue = locators.values();
  const lane = async (): Promise<void> => {
    for (const locator of queue) {
      signal.throwIfAborted();
      if (!(await hasBytes(stores, locator, signal))) missing.push(locator);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return missing;
}

async function hasBytes(stores: Stores, locator: string, signal: AbortSignal): Promise<boolean> {
  const colon = locator.indexOf(":");
  const store = stores.all.get(locator.slice(0, colon));
  // Told as an obstacle, or as a value that cannot be followed.
  if (store === undefined) return true;
  try {
    return await isThere(store.driver, locator.slice(colon + 1), signal);
  } catch (error) {
    // A path that no store can have.
    if (isServiceError(error, "BAD_USER_INPUT")) return true;
    throw error;
  }
}
