/** Random stores and databases: what a check says and does of each object is what a plain table says, and doing it again finds nothing new. */

import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { type Laboratory, laboratory } from "../object/laboratory.ts";
import { sha256, Truth } from "./truth-laboratory.ts";

let lab: Laboratory;
let truth: Truth;
beforeAll(async () => {
  lab = await laboratory();
  truth = new Truth(lab.db, lab.objects, "main");
});

/** One path: what the database has of it, what lies at its key, what a drained tombstone has in the trash. */
interface Case {
  readonly row: "verified" | "unverified" | "abandoned" | "upload" | "queued" | "none";
  readonly bytes: "right" | "other" | "short" | "absent";
  readonly trash: "right" | "other" | "none";
  readonly isTree: boolean;
}

const oneCase: fc.Arbitrary<Case> = fc.record({
  row: fc.constantFrom("verified", "unverified", "abandoned", "upload", "queued", "none"),
  bytes: fc.constantFrom("right", "other", "short", "absent"),
  trash: fc.constantFrom("right", "other", "none"),
  isTree: fc.boolean(),
});

/** Only an object can have been hidden before. */
const hasTrash = ({ row, trash }: Case): boolean =>
  trash !== "none" && ["verified", "unverified"].includes(row);

/** What a check with `apply` and a full scrub is to tell. */
function expected(one: Case): string | undefined {
  const { row, bytes, trash, isTree } = one;
  if (row === "none") return bytes === "absent" ? undefined : "UNKNOWN_BYTES adopted";
  if (row === "upload" || row === "queued") return undefined;
  if (row === "abandoned") return bytes === "absent" ? undefined : "UNVERIFIED verified";
  // A folder has no digests, and of what nobody has verified nothing is recorded.
  const serves = hasTrash(one) && (trash === "right" || isTree || row === "unverified");
  if (bytes === "absent") return `MISSING ${serves ? "healed" : "left"}`;
  if (row === "unverified") return "UNVERIFIED verified";
  if (bytes === "short") return `SIZE ${serves && isTree ? "healed" : "left"}`;
  return bytes === "other" && !isTree ? "DIGEST left" : undefined;
}

const right = { a: "one", b: "second" };
const other = { a: "ONE", b: "SECOND" };

async function putContent(path: string, isTree: boolean, { a, b }: { a: string; b?: string }): Promise<void> {
  if (!isTree) return void (await truth.put(path, a + (b ?? "")));
  await truth.put(`${path}/a`, a);
  if (b !== undefined) await truth.put(`${path}/0/b`, b);
}

async function make(path: string, id: number, one: Case): Promise<void> {
  const { row, bytes, trash, isTree } = one;
  const locator = truth.locator(path);
  if (hasTrash(one)) {
    const { rows } = await lab.db.query<{ id: string }>(
      `INSERT INTO holdfast.tombstone (locator, tree, claim_by, claim_until, hidden_at) VALUES ($1, $2, 'x', now(), now() - interval '1 day')
       RETURNING id::text AS id`,
      [locator, isTree],
    );
    const base = `_trash/${rows[0]?.id}/${path}`;
    await putContent(base, isTree, trash === "right" ? right : other);
    await lab.db.query("UPDATE holdfast.tombstone SET trash = $2 WHERE id = $1", [
      rows[0]?.id,
      JSON.stringify({ at: [base], bytes: 9 }),
    ]);
  }
  if (bytes !== "absent") {
    const { b, ...short } = right;
    await putContent(path, isTree, { right: { ...short, b }, other, short }[bytes]);
  }
  if (row === "upload") await lab.db.query("SELECT holdfast.reserve($1, '1 hour')", [locator]);
  if (row === "none" || row === "upload") return;
  if (row === "verified" || row === "unverified") await truth.foreign(id, path);
  else
    await lab.db.query("INSERT INTO holdfast.object (locator, condemned_at) VALUES ($1, '-infinity')", [
      locator,
    ]);
  if (row === "queued") await lab.db.query("DELETE FROM holdfast.object WHERE locator = $1", [locator]);
  const digest = isTree ? null : sha256(right.a + right.b);
  if (row === "verified")
    await lab.db.query(
      "UPDATE holdfast.object SET verified_at = now(), size = 9, tree = $2, sha256 = decode($3, 'hex') WHERE locator = $1",
      [locator, isTree, digest],
    );
}

test("each object is told and treated as it should be", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(oneCase, { minLength: 4, maxLength: 14 }), async (cases) => {
      await truth.empty(lab.main);
      const paths = cases.map((_, at) => `_schema/lab/item/id=${at}/value_abcdefgh.x`);
      for (const [at, one] of cases.entries()) await make(paths[at] ?? "", at, one);
      // What nobody can be sure of is no canary: all of this is about what a check makes of it.
      const { told, report } = await truth.check({ apply: true, scrub: 1 });
      const wanted = cases.map((one, at) => {
        const outcome = expected(one);
        return outcome === undefined ? [] : [`${outcome} ${truth.locator(paths[at] ?? "")}`];
      });
      expect(told).toEqual(wanted.flat().sort());
      const lost = cases.filter((one) => expected(one) === "MISSING left").length;
      expect(report.stores[0]?.lost).toBe(lost);
      const again = await truth.check({ apply: true, scrub: 1 });
      const left = wanted.flat().filter((line) => line.includes(" left "));
      const adopted = wanted
        .flat()
        .filter((line) => line.startsWith("UNKNOWN_BYTES"))
        .map((line) => line.replace("UNKNOWN_BYTES adopted", "UNVERIFIED verified"));
      expect(again.told).toEqual([...left, ...adopted].sort());
      expect((await truth.check({ apply: true, scrub: 1 })).told).toEqual([...left].sort());
      expect((await truth.check({ apply: true })).told.every((line) => line.includes(" left "))).toBe(true);
    }),
    { numRuns: 25 },
  );
}, 120_000);
