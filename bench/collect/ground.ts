/** Fills a store and the tables that Holdfast has made: files written one by one in the layout of our paths, rows by COPY. */

import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { copyTransaction } from "../../src/db/copy.ts";
import type { PostgresDatabase } from "../../src/db/database.ts";
import { garbageOf, type Item, items } from "./layout.ts";

/** Writes `count` objects and everything that the database knows of them. */
export async function fill(database: PostgresDatabase, location: string, count: number): Promise<void> {
  const folders = new Set<string>();
  async function* lines(): AsyncGenerator<Buffer> {
    let text: string[] = [];
    for (const item of items(count)) {
      writeFiles(location, item, folders);
      text.push(lineOf(item));
      if (text.length < 5000) continue;
      yield Buffer.from(text.join(""));
      text = [];
    }
    yield Buffer.from(text.join(""));
  }
  await copyTransaction(
    database,
    async (transaction) => {
      await transaction.query(
        `CREATE TEMP TABLE item (n int, kind text, locator text, size bigint, sha256 text, garbage bool, known bool, value jsonb) ON COMMIT DROP`,
      );
      await transaction.copyIn("COPY item FROM STDIN", lines());
      for (const text of insertTexts) await transaction.query(text);
    },
    { isSnapshot: false },
  );
  for (const table of ["holdfast.object", 'bench."~object"', "bench.frame", "bench.trace", "bench.movie"])
    await database.query(`VACUUM ANALYZE ${table}`);
  await database.query("CHECKPOINT");
}

/** Writes the garbage again, which nobody knows of. Answers how many objects that are. */
export function spoil(location: string, count: number): number {
  const folders = new Set<string>();
  for (const item of items(count, "garbage")) writeFiles(location, item, folders);
  return garbageOf(count);
}

const insertTexts = [
  `INSERT INTO holdfast.object (locator, tree, size, sha256, verified_at, dedup)
     SELECT locator, kind = 'movie', size, decode(sha256, 'hex'), clock_timestamp(),
       CASE WHEN kind = 'frame' THEN 'main/bench/' || sha256 END FROM item WHERE known ORDER BY n`,
  `INSERT INTO bench."~object" (locator) SELECT locator FROM item WHERE known ORDER BY n`,
  ...[
    ["frame", "image"],
    ["trace", "voltage"],
    ["movie", "movie"],
  ].map(
    ([table, column]) => `INSERT INTO bench.${table} (${table}_id, ${column})
      SELECT n, value FROM item WHERE kind = '${table}' AND NOT garbage ORDER BY n`,
  ),
];

/** The text format of COPY; nothing in it needs escaping. */
function lineOf({ n, kind, path, sizeBytes, sha256, isGarbage, isKnown, value }: Item): string {
  const fields = [
    n,
    kind,
    `main:${path}`,
    sizeBytes,
    sha256 ?? "\\N",
    isGarbage,
    isKnown,
    JSON.stringify(value),
  ];
  return `${fields.join("\t")}\n`;
}

/** Not durable, one call after the other: a million of them is what is to be collected, not what is measured. */
function writeFiles(location: string, item: Item, folders: Set<string>): void {
  for (const [path, bytes] of item.files) {
    const folder = dirname(path);
    // Folders of one object are made once, and not remembered.
    if (item.kind !== "frame" || !folders.has(folder)) mkdirSync(join(location, folder), { recursive: true });
    if (item.kind === "frame") folders.add(folder);
    const file = openSync(join(location, path), "wx");
    writeSync(file, bytes);
    closeSync(file);
  }
}
