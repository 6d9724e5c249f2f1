/**
 * The trash of a time that the database has forgotten: its tombstones are not there to tell, so that the store itself is asked what lies in
 * `_trash/`. Read once by a check into a table, as there may be more of it than fits in memory.
 */

import type { Database } from "../db/contract.ts";
import { manifestPath } from "../object/manifest.ts";
import type { Store } from "../store/contract.ts";
import { shortName, type TrashedKey } from "./trash.ts";

const rowsAtOnce = 1000;

/** Reads what lies in the trash of `store`. */
export async function indexTrash(
  db: Database,
  { config, driver }: Store,
  signal?: AbortSignal,
): Promise<void> {
  await db.query("DELETE FROM holdfast.trash_index WHERE store = $1", [config.name]);
  let rows: [at: string, path: string][] = [];
  const write = async () => {
    await db.query(
      `INSERT INTO holdfast.trash_index (store, at, path) SELECT $1, * FROM unnest($2::text[], $3::text[]) ON CONFLICT DO NOTHING`,
      [config.name, rows.map(([at]) => at), rows.map(([, path]) => path)],
    );
    rows = [];
  };
  for await (const { path: at } of driver.list("_trash/", { signal })) {
    const [, path] = /^_trash\/[^/]+\/(.+)$/s.exec(at) ?? [];
    if (path !== undefined) rows.push([at, path]);
    if (rows.length === rowsAtOnce) await write();
  }
  await write();
}

/** Forgets it. */
export async function forgetTrash(db: Database, { config }: Store): Promise<void> {
  await db.query("DELETE FROM holdfast.trash_index WHERE store = $1", [config.name]);
}

/**
 * Folders of the trash that have bytes of `path`, the latest first, each with its keys; the manifest of a tree last, since who sees it takes
 * the tree for whole.
 */
export async function lostTrashOf(
  db: Database,
  store: string,
  path: string,
): Promise<readonly { readonly folder: string; readonly keys: readonly TrashedKey[] }[]> {
  const found: { readonly folder: string; readonly key: TrashedKey }[] = [];
  for (const name of [path, shortName(path)]) {
    const { rows } = await db.query<{ at: string; path: string }>(
      `SELECT at, path FROM holdfast.trash_index
       WHERE store = $1 AND (path IN ($2, $3) OR path > $2 || '/' AND path < $2 || '0') ORDER BY path = $3, path`,
      [store, name, manifestPath(name)],
    );
    for (const { at, path: lay } of rows) {
      const folder = at.slice(0, at.length - lay.length);
      found.push({ folder, key: { path: path + lay.slice(name.length), at, sizeBytes: undefined } });
    }
  }
  const folders = Map.groupBy(found, ({ folder }) => folder);
  return [...folders]
    .map(([folder, keys]) => ({ folder, keys: keys.map(({ key }) => key) }))
    .sort((a, b) => numberOf(b.folder) - numberOf(a.folder));
}

function numberOf(folder: string): number {
  return Number.parseInt(folder.slice("_trash/".length), 10) || 0;
}
