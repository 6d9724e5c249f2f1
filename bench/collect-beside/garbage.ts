/** Objects that nothing uses: held by a schema without a row, with bytes on the disk. */

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";

let made = 0;

/** Makes so many more. */
export async function makeGarbage(db: Client, location: string, count: number): Promise<void> {
  mkdirSync(join(location, "_hash/bench"), { recursive: true });
  const names: string[] = [];
  const digests: string[] = [];
  for (let n = 0; n < count; n++) {
    const bytes = Buffer.from(`garbage ${++made}`.padEnd(200, "."));
    const name = `garbage${String(made)
      .padStart(19, "a")
      .replace(/[0189]/g, "b")}${made}`;
    writeFileSync(join(location, "_hash/bench", name), bytes);
    names.push(`main:_hash/bench/${name}`);
    digests.push(createHash("sha256").update(bytes).digest("hex"));
  }
  await db.query(
    `INSERT INTO holdfast.object (locator, size, sha256, verified_at)
     SELECT locator, 200, decode(digest, 'hex'), now() FROM unnest($1::text[], $2::text[]) AS g (locator, digest)`,
    [names, digests],
  );
  await db.query(`INSERT INTO bench."~object" (locator) SELECT unnest($1::text[])`, [names]);
  await db.query('ANALYZE holdfast.object; ANALYZE bench."~object"');
}

/** How many are still to be collected: in use by nobody, or dead and not purged. */
export async function garbageLeft(db: Client): Promise<number> {
  const { rows } = await db.query<{ left: number }>(
    `SELECT ((SELECT count(*) FROM holdfast.object WHERE locator LIKE 'main:\\_hash/bench/garbage%')
       + (SELECT count(*) FROM holdfast.tombstone WHERE locator LIKE 'main:\\_hash/bench/garbage%'))::int AS left`,
  );
  return rows[0]?.left ?? 0;
}
