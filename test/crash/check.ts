/** The invariants of `docs/architecture.md` that must hold after any crash, read from the database and from every byte of the store. */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { expect } from "vitest";
import type { Database } from "../../src/db/contract.ts";
import { createReader } from "../../src/object/reader.ts";
import type { Stores } from "../../src/store/contract.ts";
import { collect } from "../contract/store.ts";

export interface Line {
  readonly begin?: number;
  readonly ack?: number;
  readonly digest?: string | null;
}

interface Row {
  id: number;
  path: string;
  tree: boolean;
  digest: string;
}

async function contentOf(stores: Stores, row: Row): Promise<string> {
  const reader = createReader(stores);
  const hash = createHash("sha256");
  if (!row.tree) hash.update(await collect((await reader.file("main", row.path)).stream()));
  else {
    const tree = reader.tree("main", row.path);
    for await (const entry of tree.entries())
      hash.update(await collect((await reader.file("main", `${row.path}/${entry.path}`)).stream()));
    await reader.file("main", `${row.path}.manifest.json`);
  }
  return hash.digest("hex");
}

/** I1: every committed row finds its bytes, whole and right. Answers the rows. */
export async function everyRowHasItsBytes(
  db: Database,
  stores: Stores,
): Promise<ReadonlyMap<number, string>> {
  const { rows } = await db.query<Row>(
    "SELECT id, value ->> 'path' AS path, (value ->> 'is_dir')::boolean AS tree, digest FROM lab.item ORDER BY id",
  );
  for (const row of rows) expect({ ...row, digest: await contentOf(stores, row) }).toEqual(row);
  return new Map(rows.map((row) => [row.id, row.digest]));
}

/** Nothing acknowledged is missing: each row is as its last acknowledged change left it, or as one begun later. */
export function nothingAcknowledgedIsMissing(
  rows: ReadonlyMap<number, string>,
  lines: readonly Line[],
): void {
  const allowed = new Map<number, (string | null)[]>();
  for (const line of lines) {
    const digest = line.digest ?? null;
    if (line.begin !== undefined) allowed.set(line.begin, [...(allowed.get(line.begin) ?? [null]), digest]);
    if (line.ack !== undefined) allowed.set(line.ack, [digest]);
  }
  for (const [id, digests] of allowed) {
    expect(digests, `row ${id} is ${rows.get(id) ?? "absent"}`).toContain(rows.get(id) ?? null);
  }
}

/** I3 and I4 by anti-joins, and that objects called verified are there with their recorded size and digest. */
export async function catalogIsWhole(db: Database, stores: Stores): Promise<void> {
  const none = async (sql: string): Promise<void> => expect((await db.query(sql)).rows, sql).toEqual([]);
  await none(
    `SELECT id FROM lab.item i WHERE NOT EXISTS (SELECT FROM lab."~object" h WHERE h.locator = i._value_ref)`,
  );
  await none(
    `SELECT locator FROM lab."~object" h WHERE NOT EXISTS (SELECT FROM holdfast.object o WHERE o.locator = h.locator)`,
  );
  await none("SELECT locator FROM holdfast.object JOIN holdfast.tombstone USING (locator)");
  await none("SELECT locator FROM holdfast.object JOIN holdfast.upload USING (locator)");
  await none("SELECT * FROM holdfast.guard");
  const { rows } = await db.query<{ path: string; size: string; sha256: string | null; tree: boolean }>(
    `SELECT split_part(locator, ':', 2) AS path, size, encode(sha256, 'hex') AS sha256, tree FROM holdfast.object WHERE verified_at IS NOT NULL`,
  );
  for (const object of rows.filter((each) => !each.tree)) {
    const bytes = await collect((await createReader(stores).file("main", object.path)).stream());
    expect([bytes.length, createHash("sha256").update(bytes).digest("hex")]).toEqual([
      Number(object.size),
      object.sha256,
    ]);
  }
}

/** I6: no key is put twice; and nothing lies in the store that no object and no reservation knows. */
export async function keysAreWrittenOnce(db: Database, stores: Stores): Promise<void> {
  const { config, driver } = stores.get("main");
  // The service's own section is no part of the protocol.
  const isOurs = (path: string): boolean => path.startsWith("_obj/");
  const written = (await readFile(`${config.location}.puts`, "utf8")).trim().split("\n");
  const puts = written.filter((path) => !isOurs(path));
  expect(puts.length - new Set(puts).size).toBe(0);
  const { rows } = await db.query<{ path: string }>(
    "SELECT split_part(locator, ':', 2) AS path FROM (SELECT locator FROM holdfast.object UNION SELECT locator FROM holdfast.upload) known",
  );
  const known = new Set(rows.map((row) => row.path));
  for await (const head of driver.list("")) {
    if (isOurs(head.path)) continue;
    const tree = head.path.replace(/\.manifest\.json$/, "").replace(/\/(0\/a|1)$/, "");
    expect(known.has(head.path) || known.has(tree), head.path).toBe(true);
  }
}
