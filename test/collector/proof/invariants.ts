/** The invariants of the protocol (integrity §7) as questions to the database and the store. Each answers what is wrong, in words. */

import { createHash } from "node:crypto";
import { reportOf, runCollect, runFsck } from "./collecting.ts";
import { namesOf } from "./judged-store.ts";
import { tables, type World } from "./world.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** A row that refers to bytes. */
export interface RowSeen {
  readonly table: string;
  readonly id: number;
  readonly locator: string;
}

export async function rowsOf(world: World): Promise<RowSeen[]> {
  const each = tables.map(
    (table) => `SELECT '${table}' AS table, id, _value_ref AS locator FROM ${table} WHERE value IS NOT NULL`,
  );
  return (await world.db.query<RowSeen>(`${each.join(" UNION ALL ")} ORDER BY 1, 2`)).rows;
}

/** Bytes of an object, a folder's files one after the other in byte order; `undefined`: there are none. */
export async function contentOf(world: World, locator: string): Promise<string | undefined> {
  const { driver } = world.plain.get(locator.slice(0, locator.indexOf(":")));
  const path = locator.slice(locator.indexOf(":") + 1);
  const whole = await driver.get(path);
  if (whole !== undefined) return sha256(await gathered(whole.body));
  const hash = createHash("sha256");
  let isThere = false;
  for await (const head of driver.list(`${path}/`)) {
    const file = await driver.get(head.path);
    if (file !== undefined) hash.update(await gathered(file.body));
    isThere = true;
  }
  return isThere ? hash.digest("hex") : undefined;
}

async function gathered(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** What the guard says. What only moves rows and bytes changes nothing of it, so that it is not asked after each step. */
export async function guardProblems(world: World): Promise<string[]> {
  const { rows } = await world.db.query<{ wrong: string }>(
    "SELECT 'guard: ' || problem || ' ' || what AS wrong FROM holdfast.guard",
  );
  return rows.map(({ wrong }) => wrong);
}

/** I3, I4 and I9, by anti-joins. */
export async function catalogProblems(world: World): Promise<string[]> {
  const unheld = tables.map(
    (table) =>
      `SELECT 'I3: ${table} ' || id || ' without its hold or object' AS wrong FROM ${table} r WHERE _value_ref IS NOT NULL
         AND NOT EXISTS (SELECT FROM ${table.split(".")[0]}."~object" h JOIN holdfast.object o USING (locator) WHERE h.locator = r._value_ref)`,
  );
  const { rows } = await world.db.query<{ wrong: string }>(
    `${unheld.join(" UNION ALL ")}
     UNION ALL SELECT 'I4: ' || o.locator || ' beside tombstone ' || t.id FROM holdfast.object o JOIN holdfast.tombstone t USING (locator)
       JOIN holdfast.store s ON s.name = split_part(o.locator, ':', 1)
       WHERE t.hidden_at IS NULL OR t.hidden_at > clock_timestamp() - s.drain
     UNION ALL SELECT 'I9: ' || locator || ' can be reused unverified' FROM holdfast.object WHERE dedup IS NOT NULL AND verified_at IS NULL
     UNION ALL SELECT 'tombstone ' || id || ' is hidden by nobody' FROM holdfast.tombstone WHERE hidden_at IS NOT NULL AND claim_by IS NULL`,
  );
  return rows.map(({ wrong }) => wrong);
}

/** I1 and I9: what is called verified is there, as recorded. */
export async function verifiedProblems(world: World): Promise<string[]> {
  const { rows } = await world.db.query<{
    locator: string;
    size: string | null;
    sha256: string | null;
    tree: boolean;
  }>(
    `SELECT locator, size, encode(sha256, 'hex') AS sha256, tree FROM holdfast.object WHERE verified_at IS NOT NULL`,
  );
  const wrong: string[] = [];
  for (const { locator, tree, sha256: digest } of rows) {
    const content = await contentOf(world, locator);
    if (content === undefined) wrong.push(`I9: ${locator} is verified and not there`);
    else if (!tree && digest !== null && content !== digest) wrong.push(`I9: ${locator} has other bytes`);
  }
  return wrong;
}

/** I10, and what the store's judge has seen. */
export async function storeProblems(world: World): Promise<string[]> {
  const strangers = (await world.strangersAreThere()) ? [] : ["I10: bytes of others are not as they were"];
  return [...strangers, ...world.judge.wrong];
}

/**
 * I12: all leases, grace and drain over, a few rounds, and exactly the bytes that rows refer to are left, no trash, no tombstone, no
 * object that nobody refers to. Answers what is too many or too few.
 */
export async function quiesce(world: World, rounds = 6): Promise<string[]> {
  await world.policy({ grace: "0", keep: "0", drain: "0" });
  let found: string[] = [];
  for (let round = 0; round < rounds; round++) {
    await age(world, "everything");
    const report = reportOf(await runCollect(world, { confirm: true }));
    if (report.doubts.length > 0)
      found = report.doubts.map(({ code, message }) => `doubt ${code}: ${message}`);
    reportOf(await runFsck(world));
    if (report.doubts.length === 0) found = await leftOver(world);
    if (found.length === 0) return found;
  }
  return found;
}

/** What a clean world does not have. */
export async function leftOver(world: World): Promise<string[]> {
  const { rows } = await world.db.query<{ locator: string; what: string }>(
    `SELECT locator, 'object' AS what FROM holdfast.object UNION ALL SELECT locator, 'tombstone' FROM holdfast.tombstone
     UNION ALL SELECT locator, 'upload' FROM holdfast.upload`,
  );
  const referenced = new Set((await rowsOf(world)).map(({ locator }) => locator));
  const wrong = rows
    .filter(({ locator, what }) => what !== "object" || !referenced.has(locator))
    .map(({ locator, what }) => `I12: ${what} ${locator} is left`);
  const missing = new Set(referenced);
  for (const path of await world.paths()) {
    const owner = namesOf(`main:${path}`).find((name) => referenced.has(name));
    if (owner === undefined) wrong.push(`I12: ${path} is left`);
    else missing.delete(owner);
  }
  return [...wrong, ...[...missing].map((locator) => `I12: ${locator} has no bytes`)];
}

/** Lets time pass, in the data. */
export type Passing = "grace" | "claims" | "drain" | "keep" | "leases" | "everything";

const passing: Readonly<Record<Exclude<Passing, "everything">, readonly string[]>> = {
  grace: [
    "UPDATE holdfast.object SET condemned_at = condemned_at - interval '8 days' WHERE condemned_at > '-infinity'",
  ],
  claims: [
    "UPDATE holdfast.tombstone SET claim_until = claim_until - interval '1 day' WHERE claim_until IS NOT NULL",
  ],
  drain: [
    "UPDATE holdfast.tombstone SET hidden_at = hidden_at - interval '1 hour' WHERE hidden_at IS NOT NULL",
  ],
  keep: [
    "UPDATE holdfast.tombstone SET hidden_at = hidden_at - interval '31 days', purge_after = purge_after - interval '31 days' WHERE hidden_at IS NOT NULL",
  ],
  leases: [
    "UPDATE holdfast.upload SET expires_at = expires_at - interval '2 days' WHERE expires_at > '-infinity'",
    "UPDATE holdfast.upload_detail SET expires_at = expires_at - interval '2 days'",
  ],
};

export async function age(world: World, what: Passing): Promise<void> {
  const texts = what === "everything" ? Object.values(passing).flat() : passing[what];
  for (const text of texts) await world.db.query(text);
}
