/** Mutants of what touches bytes: claims, hiding, purging, reaping. */

import { type Change, caught, change, type Mutant } from "./mutant.ts";

const collectSql = (from: string, to: string): Change =>
  change("db/migrations/0001-collect.sql.ts", from, to);
const hideImport = `import { look, type Task } from "./task.ts";`;
const hideLook = "const live = await look(task, path);";

const bytes = "collector/bytes.test.ts";
const reap = "collector/bytes-reap.test.ts";

export const byBytes: readonly Mutant[] = [
  caught(
    "M11-no-trash",
    "the trash: bytes are deleted where they lie",
    [
      change(
        "collector/hide-rename.ts",
        "(departure) => move(path + rest, key, departure)",
        "(departure) => (void move, task.store.driver.delete(path + rest, departure))",
      ),
      change(
        "collector/hide-copy.ts",
        "const copied = await copyTo(task, live, key);",
        `const copied = "whole" as Awaited<ReturnType<typeof copyTo>>;`,
      ),
    ],
    bytes,
  ),
  caught(
    "M12-delete-of-nothing",
    "the rule that no DELETE is sent when a HEAD has found nothing",
    [
      change("collector/hide.ts", hideImport, `import { deleteNewest, look, type Task } from "./task.ts";`),
      change(
        "collector/hide.ts",
        hideLook,
        `${hideLook}\n  if (live === undefined) await deleteNewest(task, path);`,
      ),
    ],
    bytes,
  ),
  caught(
    "head-before-delete",
    "the HEAD before the DELETE",
    [
      change(
        "collector/task.ts",
        "const head = await task.store.driver.head(path, task.signal);",
        "const head: ObjectHead = { path, sizeBytes: task.claim.tombstone.sizeBytes ?? 0, modifiedAt: new Date(0) };",
      ),
    ],
    bytes,
  ),
  caught(
    "head-after-delete",
    "the HEAD after the DELETE, which says whether the bytes are gone",
    [
      change(
        "collector/task.ts",
        "if ((await store.driver.head(path, signal)) === undefined) return;",
        "if (store.driver !== undefined) return;",
      ),
    ],
    "collector/bytes-deaths.test.ts",
  ),
  caught(
    "copy-compared",
    "the comparison of a copy in the trash with what it was made of",
    [
      change(
        "collector/hide-copy.ts",
        `if (copy?.sizeBytes !== live.sizeBytes) return "other";`,
        `if (copy !== undefined || live !== undefined) return "whole";`,
      ),
    ],
    bytes,
    "collector/bytes-deaths.test.ts",
    reap,
  ),
  caught(
    "claim-deadline",
    "the look at the claim's deadline",
    [
      change(
        "collector/claim.ts",
        "return this.#claimMs * usedShare - passed;",
        "return Math.max(this.#claimMs, this.#claimMs * usedShare - passed);",
      ),
    ],
    bytes,
  ),
  caught(
    "claim-stolen-early",
    "the rule that only an expired claim is another's",
    [
      change(
        "collector/claim.ts",
        "AND (claim_until IS NULL OR claim_until < clock_timestamp()) AND id > $2",
        "AND id > $2",
      ),
    ],
    bytes,
  ),
  caught(
    "claim-mode",
    "the look at the store's mode in each claim",
    [
      change(
        "collector/claim.ts",
        "\n         AND EXISTS (SELECT FROM holdfast.store WHERE name = $1 AND gc = 'on')\n       ORDER BY",
        "\n       ORDER BY",
      ),
    ],
    bytes,
  ),
  caught(
    "hidden-by-anybody",
    "the rule that only the claimant says that an object is hidden",
    [
      collectSql(
        "WHERE id = tid AND claim_by = worker AND hidden_at IS NULL;",
        "WHERE id = tid AND hidden_at IS NULL;",
      ),
    ],
    "race/interleavings.test.ts",
  ),
  caught(
    "M13-purge-looks",
    "the look of the purge at the object",
    [collectSql(" AND (o.locator IS NULL OR o.verified_at > t.hidden_at)", "")],
    reap,
  ),
  caught(
    "M14-trash-not-kept",
    "the time that the trash is kept for slow foreign writers",
    [collectSql("purge_after = clock_timestamp() + keep", "purge_after = clock_timestamp()")],
    bytes,
  ),
  caught(
    "M15-backup-window",
    "the look of the purge at the time that the trash is kept, which is longer than the backup window",
    [collectSql("WHERE t.purge_after < clock_timestamp() AND", "WHERE t.hidden_at IS NOT NULL AND")],
    "collector/restored.test.ts",
    bytes,
  ),
  caught(
    "M20-purge-spares-uploads",
    "the look of the purge for uploads of the key",
    [collectSql(" AND NOT EXISTS (SELECT FROM holdfast.upload u WHERE u.locator = t.locator)", "")],
    reap,
  ),
  caught(
    "purgeable",
    "holdfast.purgeable: whatever is hidden is purged",
    [
      change(
        "collector/claim.ts",
        `purge: "id IN (SELECT id FROM holdfast.purgeable)"`,
        `purge: "hidden_at IS NOT NULL"`,
      ),
    ],
    bytes,
  ),
  caught(
    "purge-asks-again",
    "the question, after the claim, whether it is still to be purged",
    [change("collector/bytes.ts", "await claims.renew(all);", "void claims;")],
    bytes,
  ),
  caught(
    "M16-reaper-deletes",
    "the rule that the reaper deletes through an object row only",
    [
      change(
        "collector/reap.ts",
        "const locators = await bury(task, clean);",
        `for (const { locator } of clean) await task.store.driver.delete(parseLocator(locator)?.path ?? "", {});\n    const locators = await bury(task, clean);`,
      ),
    ],
    reap,
    "model-based runs",
  ),
  caught(
    "reap-mode",
    "the look of the reaper at the store's mode",
    [change("collector/reap.ts", "ON s.name = $2 AND s.gc = 'on'", "ON s.name = $2")],
    bytes,
  ),
];
