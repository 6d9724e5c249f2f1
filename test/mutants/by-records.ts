/** Mutants of what PostgreSQL keeps: foreign keys, triggers, functions, and the collector's own transactions. */

import { type Change, caught, change, type Mutant, safe } from "./mutant.ts";

const write = (from: string, to: string): Change => change("db/migrations/0001-write.sql.ts", from, to);
const triggers = (from: string, to: string): Change => change("db/migrations/0001-triggers.sql.ts", from, to);
const adopt = (from: string, to: string): Change => change("db/migrations/0001-adopt.sql.ts", from, to);
const inSteps = (from: string, to: string): Change =>
  change("db/migrations/0019-adopt-in-steps.ts", from, to);

/** The key stays in the catalog, so that the sweeps still look; only PostgreSQL does not enforce it any more, and nobody tells. */
const unguarded = inSteps(" OR enforced = 'false'", "");

const publishLooks = write(
  "IF EXISTS (SELECT FROM holdfast.tombstone WHERE locator = loc) THEN RAISE",
  "IF false THEN RAISE",
);
const triggerLooksVerified = triggers("NEW.verified_at IS NOT NULL OR t.hidden_at", "t.hidden_at");
const drain = triggers(" OR t.hidden_at > clock_timestamp() - d", "");
const reserveBurns = write(" UNION ALL SELECT FROM holdfast.tombstone WHERE locator = loc", "");

const races = "race/interleavings.test.ts";

const fromDesign: readonly Mutant[] = [
  caught(
    "M1-row-key",
    "the foreign key from the row to the hold",
    [
      inSteps(
        `FOREIGN KEY (%I) REFERENCES %I."~object"', tab`,
        `FOREIGN KEY (%I) REFERENCES %I."~object" NOT ENFORCED', tab`,
      ),
      unguarded,
    ],
    races,
  ),
  caught(
    "M2-hold-key",
    "the foreign key from the hold to the object",
    [
      adopt(
        "PRIMARY KEY REFERENCES holdfast.object,",
        "PRIMARY KEY REFERENCES holdfast.object NOT ENFORCED,",
      ),
      unguarded,
    ],
    races,
  ),
  caught(
    "M3-publish-after-lease",
    "the look of publish at its lease",
    [write("WHERE id = up AND expires_at > clock_timestamp() FOR UPDATE", "WHERE id = up FOR UPDATE")],
    "object/writer.test.ts",
    "collector/bytes-reap.test.ts",
    "model-based runs",
  ),
  caught(
    "M4-publish-looks",
    "the look of publish for tombstones",
    [publishLooks, triggerLooksVerified],
    races,
    "model-based runs",
  ),
  caught(
    "M5-foreign-looks",
    "the look of a foreign insert for tombstones",
    [
      triggers(
        "NEW.verified_at IS NOT NULL OR t.hidden_at IS NULL OR t.hidden_at > clock_timestamp() - d",
        "NEW.verified_at IS NOT NULL",
      ),
    ],
    races,
  ),
  caught("M6-drain", "the drain before a hidden key is free", [drain], races),
  caught(
    "M7-killed-key-again",
    "the rule that a killed key is never taken again, with M4 and M6",
    [publishLooks, triggerLooksVerified, drain, reserveBurns],
    races,
  ),
  caught(
    "M7-reserve-only",
    "the look of reserve for tombstones",
    [reserveBurns],
    races,
    "object/writer.test.ts",
  ),
  caught(
    "M8-cancel-claimed",
    "the rule that only tombstones which nobody has claimed are cancelled",
    [triggers("WHERE locator = NEW.locator AND claim_until IS NULL;", "WHERE locator = NEW.locator;")],
    races,
  ),
  caught(
    "M10-reuse-unverified",
    "the rule that only verified objects are reused",
    [
      write(
        "locator = loc AND verified_at IS NOT NULL AND condemned_at IS NULL FOR",
        "locator = loc AND condemned_at IS NULL FOR",
      ),
      write(
        "SET condemned_at = NULL WHERE locator = loc AND verified_at IS NOT NULL;",
        "SET condemned_at = NULL WHERE locator = loc;",
      ),
    ],
    races,
    "object/writer.test.ts",
    "model-based runs",
  ),
  caught(
    "M21-reserve-in-restore",
    "the rest of reserve during a restore",
    [write("AND gc = 'restore') THEN RETURN NULL", "AND false) THEN RETURN NULL")],
    "collector/restored.test.ts",
    "object/writer.test.ts",
  ),
  caught(
    "trigger-before",
    "the order of the insert trigger: it looks before the insert has waited",
    [
      triggers("CREATE TRIGGER object_inserted AFTER INSERT", "CREATE TRIGGER object_inserted BEFORE INSERT"),
      triggers(
        "ERRCODE = '55006';\n  END IF;\n  RETURN NULL;",
        "ERRCODE = '55006';\n  END IF;\n  RETURN NEW;",
      ),
    ],
    races,
  ),
];

const inCode: readonly Mutant[] = [
  safe("sweep-second-statement", "the look of the sweep in a new statement: the foreign keys hold", [
    change("collector/kill.ts", ` AND \${what.free}`, ""),
    change("collector/release.ts", ` AND \${free} RETURNING`, " RETURNING"),
  ]),
  safe("sweep-skip-locked", "SKIP LOCKED in the sweep: it waits, and then looks", [
    change("collector/sweep.ts", "FOR UPDATE SKIP LOCKED", "FOR UPDATE"),
  ]),
  caught(
    "guard",
    "the guard",
    [
      change(
        "collector/guard.ts",
        "export async function guardDoubts(queryable: Queryable): Promise<readonly Doubt[]> {",
        "export async function guardDoubts(queryable: Queryable): Promise<readonly Doubt[]> {\n  if (queryable !== undefined) return [];",
      ),
    ],
    "collector/doubts.test.ts",
  ),
  caught(
    "guard-not-validated",
    "the guard's look at references that were never held against the rows of before",
    [inSteps("FROM ref WHERE NOT convalidated AND", "FROM ref WHERE false AND")],
    "collector/doubts.test.ts",
  ),
  caught(
    "adoption-without-rows",
    "the validation of an adopted reference",
    [
      change(
        "adopt/steps.ts",
        `VALIDATE CONSTRAINT \${identifier(\`\${ref}_fk\`)}\``,
        "SET (fillfactor = 100)`",
      ),
    ],
    "adopt/writers.test.ts",
  ),
  caught(
    "guard-in-transactions",
    "the guard in each transaction that deletes; it is asked at the start",
    [change("collector/sweep.ts", "...(await guardDoubts(transaction)), ", "")],
    "collector/interleavings.test.ts",
  ),
  caught(
    "mode-in-transactions",
    "the look at the mode in each transaction that deletes",
    [change("collector/sweep.ts", ", ...(await stillOn(transaction, what.store))", "")],
    "collector/interleavings.test.ts",
    "collector/collect.test.ts",
  ),
  caught(
    "grace",
    "the grace between condemned and killed",
    [
      change(
        "collector/kill.ts",
        "SELECT (clock_timestamp() - grace)::text",
        "SELECT clock_timestamp()::text",
      ),
    ],
    "collector/collect.test.ts",
  ),
  caught(
    "milestone",
    "the milestone: a database that was set back is not noticed",
    [
      change(
        "collector/doubt-store.ts",
        `await look("milestone", () => milestoneDoubts(context, run, store))`,
        `await look("milestone", async () => void milestoneDoubts)`,
      ),
    ],
    "collector/restored.test.ts",
  ),
  caught(
    "breaker",
    "the breaker",
    [change("collector/breaker.ts", "if (kills <= most) return [];", "if (kills >= 0) return [];")],
    "collector/collect.test.ts",
  ),
  caught(
    "store-doubts",
    "the doubts of the store: its identity, its canaries, its answers",
    [
      change(
        "collector/doubt-store.ts",
        'doubts.add((await look("store", () => parts.storeDoubts(context, store, run.signal))) ?? []);',
        "void parts.storeDoubts;",
      ),
    ],
    "collector/truth-doubts.test.ts",
  ),
  caught(
    "dry-run-writes",
    "the difference between a dry run and a run",
    [
      change(
        "collector/collect.ts",
        "!request.apply || doubts.stop(policy.store)",
        "doubts.stop(policy.store)",
      ),
    ],
    "collector/collect.test.ts",
    "collector/dry-run.test.ts",
  ),
  caught(
    "confirmation",
    "the confirmation of a version",
    [
      change(
        "collector/policy.ts",
        "if (confirmedVersion === version) return [];",
        'if (version !== "") return [];',
      ),
    ],
    "collector/collect.test.ts",
  ),
];

export const byRecords: readonly Mutant[] = [...fromDesign, ...inCode];
