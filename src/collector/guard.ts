/**
 * Doubts of the database: whether every reference is seen and enforced, whether the role may look at all of them, whether this is the server
 * that the collector knows, and whether every store of it is configured.
 */

import type { Queryable, Transaction } from "../db/contract.ts";
import { patiently } from "./batch.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Doubt } from "./contract.ts";
import { courseDoubts } from "./course.ts";
import { doubtsOf } from "./doubts.ts";
import { rightsDoubts } from "./rights.ts";

/** What must be empty before anything is deleted; a look that fails is a doubt too. */
export async function databaseDoubts(context: CollectorContext, run?: Run): Promise<Doubt[]> {
  const looks: readonly (readonly [string, () => Promise<readonly Doubt[]>])[] = [
    ["guard", () => limited(context, guardDoubts)],
    ["rights", () => limited(context, rightsDoubts)],
    ["course", () => courseDoubts(context, run)],
    ["stores", () => strangerDoubts(context)],
  ];
  const doubts: Doubt[] = [];
  for (const [name, look] of looks) {
    try {
      doubts.push(...(await look()));
    } catch (error) {
      doubts.push(...doubtsOf(error, name));
    }
  }
  return doubts;
}

/** The looks take locks of tables for a moment, which must not be waited for without end. */
function limited(
  { db }: CollectorContext,
  look: (transaction: Transaction) => Promise<readonly Doubt[]>,
): Promise<readonly Doubt[]> {
  return patiently(db, look, { readOnly: true });
}

const guardRemedies: Readonly<Record<string, string>> = {
  "column without reference":
    "Adopt it (holdfast adopt --schema … --apply), or take the store from its comment.",
  "reference not validated":
    "Its adoption has not come to its end: holdfast adopt --schema … --apply goes on.",
  "column of a store that is no JSON":
    "Move its values into a jsonb column, or take the store from its comment if there is none in them.",
  "session not allowed":
    "Connect to the primary server, in a session with session_replication_role = origin.",
};

/**
 * What `holdfast.guard` names, and triggers of the protocol's own tables that are absent or switched off. Cheap: every transaction that
 * deletes asks again.
 */
export async function guardDoubts(queryable: Queryable): Promise<readonly Doubt[]> {
  const { rows } = await queryable.query<{ problem: string; what: string }>(
    `SELECT problem, what FROM holdfast.guard
     UNION ALL
     SELECT 'trigger of the protocol disabled', format('holdfast.object.%s', name)
     FROM unnest(ARRAY['object_deleted', 'object_inserted', 'object_frozen', 'object_no_truncate']) AS name
     WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = 'holdfast.object'::regclass AND t.tgname = name AND t.tgenabled IN ('O', 'A'))
     ORDER BY 2, 1`,
    [],
    { name: "collector-guard" },
  );
  return rows.map(({ problem, what }) => ({
    code: "GUARD",
    subject: what,
    message: `${what}: ${problem}. References may go unseen.`,
    remedy: guardRemedies[problem] ?? "Restore what was dropped, altered or switched off.",
  }));
}

/** Stores that have objects or tombstones here and no configuration. */
async function strangerDoubts({ db, stores }: CollectorContext): Promise<readonly Doubt[]> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT name FROM holdfast.store s WHERE name <> ALL ($1::text[])
       AND EXISTS (SELECT FROM holdfast.object WHERE locator > s.name || ':' AND locator < s.name || ';') ORDER BY name`,
    [[...stores.all.keys()]],
  );
  return rows.map(({ name }) => ({
    code: "UNCONFIGURED",
    store: name,
    subject: name,
    message: `The store ${name} has objects in the database and is not configured here.`,
    remedy: `Configure the store ${name}, or run the collector where it is.`,
  }));
}
