/** Mutants of what compares the database with its stores: verify, heal, reconcile, revive, restore. */

import { caught, change, type Mutant } from "./mutant.ts";

const recordFence = change(
  "collector/verify.ts",
  "WHERE locator = $1 AND gen = $2 AND verified_at IS NULL",
  "WHERE locator = $1 AND gen >= $2 AND verified_at IS NULL",
);
const keepsDrain = change(
  "collector/revive.ts",
  "const draining = hidden.find(({ isDrained }) => !isDrained);",
  "const draining = hidden.find(() => false);",
);
const sweptAtOnce = (before: string): string =>
  `{ await store.driver.delete(root.path, {}); return; }\n  ${before}`;

const reconcile = "collector/truth-reconcile.test.ts";
const revive = "collector/truth-revive.test.ts";
const restored = "collector/restored.test.ts";

export const byTruth: readonly Mutant[] = [
  caught("M9-gen-fence", "the generation in what the verifier records", [recordFence], reconcile),
  caught(
    "M17-unknown-swept",
    "adoption: unknown bytes are swept at once",
    [
      change(
        "collector/adopt-bytes.ts",
        "const outcome = await adopt(",
        `${sweptAtOnce("const outcome = await adopt(")}`,
      ),
    ],
    reconcile,
  ),
  caught(
    "M28-old-listing-swept",
    "the second look at what a listing had, and adoption",
    [
      change(
        "collector/adopt-bytes.ts",
        "if ((await lookUp(context.db, locator)).isKnown) return;",
        sweptAtOnce("if ((await lookUp(context.db, locator)).isKnown) return;"),
      ),
    ],
    reconcile,
  ),
  caught(
    "M27-adopted-as-good",
    "the rule that what is adopted is not known to be good",
    [
      change(
        "collector/adopt-bytes.ts",
        "INSERT INTO holdfast.object (locator, tree, size, condemned_at)",
        "INSERT INTO holdfast.object (locator, tree, size, condemned_at, verified_at)",
      ),
      change(
        "collector/adopt-bytes.ts",
        "SELECT $1, $2, $3, clock_timestamp()",
        "SELECT $1, $2, $3, clock_timestamp(), clock_timestamp()",
      ),
    ],
    reconcile,
  ),
  caught(
    "listing-believed",
    "the HEAD of what a listing lacks",
    [
      change(
        "collector/reconcile.ts",
        "const found = await headOf(check, subject);",
        "const found = (await headOf(check, subject)) && undefined;",
      ),
    ],
    reconcile,
  ),
  caught(
    "listing-short",
    "the rule that a listing which lacks what the store has changes nothing",
    [change("collector/reconcile.ts", "if (pass.skipped !== undefined)", 'if (pass.skipped === "")')],
    reconcile,
  ),
  caught(
    "M29-heal-fence",
    "the generation in what heal doubts and records",
    [
      recordFence,
      change(
        "collector/verify.ts",
        "WHERE o.locator = $1 AND o.gen = $2 AND b.locator",
        "WHERE o.locator = $1 AND o.gen >= $2 AND b.locator",
      ),
    ],
    reconcile,
  ),
  caught(
    "M30-heal-marks-first",
    "the order of heal: it marks before it copies",
    [
      change(
        "collector/heal.ts",
        `if (!(await unverify(context, run, subject, "missing"))) return { kind: "changed" };`,
        `if (!(await unverify(context, run, subject, "missing"))) return { kind: "changed" };
  await context.db.query("UPDATE holdfast.object SET verified_at = clock_timestamp() WHERE locator = $1 AND gen = $2", [locator, object.gen]);`,
      ),
    ],
    reconcile,
  ),
  caught(
    "heal-compares",
    "the comparison of what lies in the trash with what was recorded",
    [
      change(
        "collector/heal.ts",
        "if (!(await hasRightBytes(subject, file, signal)))",
        "if (false as boolean && !(await hasRightBytes(subject, file, signal)))",
      ),
    ],
    reconcile,
  ),
  caught(
    "M18-restore-trusts",
    "the distrust after a restore: what was verified stays so",
    [
      change(
        "collector/restored.ts",
        `"UPDATE holdfast.object SET verified_at = NULL, dedup = NULL WHERE locator = ANY ($1::text[])"`,
        `"SELECT FROM holdfast.object WHERE locator = ANY ($1::text[])"`,
      ),
    ],
    restored,
  ),
  caught(
    "M19-restore-drain",
    "the wait of a restore for the drain, before anything is verified",
    [
      change(
        "collector/restored.ts",
        "if (!restored.drained) return [draining(name, restored.drainedAt)];",
        "void draining;",
      ),
    ],
    restored,
  ),
  caught(
    "M31-heal-drain",
    "the wait of heal for the drain: the doubt is told, and the check goes on",
    [
      change(
        "collector/fsck.ts",
        "  if (isStopped()) return doubts;\n",
        "  if (isStopped() && !isRestore) return doubts;\n",
      ),
    ],
    restored,
  ),
  caught(
    "M32-revived-as-good",
    "the rule that what is revived is not known to be good",
    [
      change(
        "collector/revive.ts",
        `await audit(transaction, run, "revive", [{ locator, gen: row.gen, details: { was: "killed" } }]);`,
        `await transaction.query("UPDATE holdfast.object SET verified_at = clock_timestamp() WHERE locator = $1", [locator]);`,
      ),
    ],
    revive,
    "model-based runs",
  ),
  caught(
    "M33-revive-beside-work",
    "the looks of revive: it registers beside a tombstone in work, and before the drain",
    [
      keepsDrain,
      change(
        "collector/revive.ts",
        "    const { rows } = await transaction\n      .query<{ gen: string }>(registerText",
        `    await transaction.query("SET LOCAL session_replication_role = replica");\n    const { rows } = await transaction\n      .query<{ gen: string }>(registerText`,
      ),
    ],
    revive,
  ),
  caught(
    "M34-revive-moves",
    "the copy of revive: it moves out of the trash, before the drain",
    [
      keepsDrain,
      change(
        "collector/heal.ts",
        "await driver.copy(at, path, {",
        "await (driver.move ?? driver.copy)(at, path, {",
      ),
    ],
    revive,
  ),
  caught(
    "M35-restore-unchecked",
    "the check that has to end a restore",
    [
      change(
        "collector/policy.ts",
        `if (before.mode === "restore" && policy.mode === "on") await requireChecked(`,
        `if (before.mode === "off" && policy.mode === "restore") await requireChecked(`,
      ),
    ],
    restored,
  ),
];
