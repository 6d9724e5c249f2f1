/**
 * Bytes that nobody knows become an object, unverified and condemned at this moment: a foreign writer that has put them and not yet inserted
 * its row has the whole grace period for it; otherwise they die the way all objects do. Nothing is deleted here.
 */

import { sqlstateOf } from "../db/sqlstate.ts";
import { locatorOf } from "../object/locator.ts";
import { audit } from "./audit.ts";
import { isThere } from "./bytes-of.ts";
import type { Check } from "./check.ts";
import { lookUp } from "./known.ts";
import type { Found } from "./merge.ts";
import type { Root } from "./sections.ts";

/** An object in the store that the database did not know when it was read. */
export interface Unknown {
  readonly root: Root;
  readonly found: Found;
}

export async function checkUnknown(check: Check, { root, found }: Unknown): Promise<void> {
  const { context, store, run, findings, apply } = check;
  const locator = locatorOf(store.config.name, root.path);
  if ((await lookUp(context.db, locator)).isKnown) return;
  // What a writer was about to rename, or somebody has deleted, is not there any more.
  if (!(await isThere(store.driver, root.path, run.signal))) return;
  const sizeBytes = found.fileBytes ?? found.bytesInside;
  const what = `${root.isTree ? `A folder of ${found.files} files` : "A file"}, ${sizeBytes} bytes`;
  if (!apply)
    return findings.tell("UNKNOWN_BYTES", root.path, "left", `${what} that the database does not know.`);
  await context.faults("reconcile.before-adopt");
  const outcome = await adopt(check, locator, { isTree: root.isTree, sizeBytes });
  if (outcome === "known") return;
  if (outcome === "adopted")
    return findings.tell("UNKNOWN_BYTES", root.path, "adopted", `${what}: goes when its grace is over.`);
  await findings.tell("UNKNOWN_BYTES", root.path, "left", `${what}: ${outcome}.`);
}

const insertText = `INSERT INTO holdfast.object (locator, tree, size, condemned_at)
  SELECT $1, $2, $3, clock_timestamp()
  WHERE NOT EXISTS (SELECT FROM holdfast.upload WHERE locator = $1)
    AND NOT EXISTS (SELECT FROM holdfast.tombstone WHERE locator = $1)
  ON CONFLICT (locator) DO NOTHING RETURNING gen::text AS gen`;

/** The rule of `holdfast.hold_foreign`: no object lies inside another. */
const aroundText = `SELECT FROM (SELECT locator FROM holdfast.object UNION ALL SELECT locator FROM holdfast.upload) k
  WHERE locator = ANY ($1) OR (locator > $2 AND locator < $3) LIMIT 1`;

async function adopt(
  { context, run }: Check,
  locator: string,
  { isTree, sizeBytes }: { readonly isTree: boolean; readonly sizeBytes: number },
): Promise<string> {
  try {
    return await context.db.transaction(async (transaction) => {
      const around = await transaction.query(aroundText, [above(locator), `${locator}/`, `${locator}0`]);
      if (around.rowCount > 0) return "it lies inside another object, or around one";
      const { rows } = await transaction.query<{ gen: string }>(insertText, [locator, isTree, sizeBytes], {
        name: "truth-adopt",
      });
      const [row] = rows;
      if (row === undefined) return "known";
      await audit(transaction, run, "adopt", [{ locator, gen: row.gen, details: { size: sizeBytes } }]);
      return "adopted";
    });
  } catch (error) {
    // A tombstone that came meanwhile is worked on: then its worker knows the bytes.
    if (sqlstateOf(error) === "55006") return "known";
    if (sqlstateOf(error) === "23514") return "no locator can have this path";
    throw error;
  }
}

/** Locators of everything that a locator could lie inside of. */
function above(locator: string): string[] {
  const parts = locator.split("/");
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join("/"));
}
