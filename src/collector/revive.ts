/**
 * Revival of what nobody holds: a condemned object loses its mark, a killed one is registered again, a hidden one gets its bytes back.
 *
 * A hidden one is registered before its bytes are copied: from then on its trash cannot be purged, and a process that dies in between leaves
 * an object whose bytes are missing, which every check heals.
 */

import { sqlstateOf } from "../db/sqlstate.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import { parseLocator } from "../object/locator.ts";
import type { Store } from "../store/contract.ts";
import { isCanonicalPath } from "../store/path.ts";
import { audit } from "./audit.ts";
import { isThere } from "./bytes-of.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Revival, ReviveRequest } from "./contract.ts";
import { heal } from "./heal.ts";
import { type KnownObject, lookUp } from "./known.ts";
import { recorded } from "./run-record.ts";
import { fromTrash, hiddenOf } from "./sources.ts";
import { verify } from "./verify.ts";

interface Wanted {
  readonly locator: string;
  readonly path: string;
  readonly store: Store;
}

type Answer = Omit<Revival, "locator">;

/**
 * Brings objects back, one after the other; each locator is answered for itself.
 * @throws {BAD_USER_INPUT} for a text that is no locator, {STORE_UNKNOWN}, {DATABASE_UNAVAILABLE}.
 */
export async function revive(context: CollectorContext, request: ReviveRequest): Promise<Revival[]> {
  const wanted = [...new Set(request.locators)].sort().map((locator) => wantedOf(context, locator));
  const asked = { kind: "REVIVE", applied: true, by: request.by, signal: request.signal } as const;
  const { value } = await recorded(context, asked, async (run) => {
    const answers: Revival[] = [];
    for (const one of wanted) {
      run.signal?.throwIfAborted();
      answers.push({ locator: one.locator, ...(await reviveOne(context, run, one)) });
    }
    return answers;
  });
  return value;
}

function wantedOf({ stores }: CollectorContext, locator: string): Wanted {
  const parsed = parseLocator(locator);
  if (parsed !== undefined && isCanonicalPath(parsed.path))
    return { locator, path: parsed.path, store: stores.get(parsed.store) };
  throw new ServiceError("BAD_USER_INPUT", `${JSON.stringify(locator.slice(0, 200))} is no locator.`, {
    details: { field: "locators", value: locator.slice(0, 200), remedy: "Write store:path." },
  });
}

async function reviveOne(context: CollectorContext, run: Run, wanted: Wanted): Promise<Answer> {
  try {
    const marked = await unmark(context, run, wanted);
    if (marked === undefined) return await unkill(context, run, wanted);
    if ("outcome" in marked) return marked;
    return await settle(context, run, { wanted, object: marked, isHidden: false });
  } catch (error) {
    run.signal?.throwIfAborted();
    if (isServiceError(error, "CONFLICT"))
      return { outcome: "busy", message: `Its bytes are being worked on: ${error.message} Try again later.` };
    if (isServiceError(error, "STORE_UNAVAILABLE"))
      return { outcome: "busy", message: `${error.message} Try again when the store answers.` };
    throw error;
  }
}

/**
 * Of an object that is registered: the answer, or the object where nobody has verified it, as of another program's row that came when its bytes
 * were in the trash. `undefined` where none is registered.
 */
async function unmark(
  { db }: CollectorContext,
  run: Run,
  { locator }: Wanted,
): Promise<Answer | KnownObject | undefined> {
  return db.transaction(async (transaction) => {
    const { rows } = await transaction.query<{ gen: string; condemned: boolean; verified: boolean }>(
      `SELECT gen::text AS gen, condemned_at IS NOT NULL AS condemned, verified_at IS NOT NULL AS verified
       FROM holdfast.object WHERE locator = $1 FOR UPDATE`,
      [locator],
    );
    const [row] = rows;
    if (row === undefined) return undefined;
    if (!row.condemned) return { outcome: "alive", message: "It was not condemned." };
    await transaction.query("UPDATE holdfast.object SET condemned_at = NULL WHERE locator = $1", [locator]);
    await audit(transaction, run, "revive", [{ locator, gen: row.gen, details: { was: "condemned" } }]);
    if (!row.verified) return (await lookUp(transaction, locator)).object;
    return { outcome: "revived", message: "It was condemned; its bytes were never touched." };
  });
}

async function unkill(context: CollectorContext, run: Run, wanted: Wanted): Promise<Answer> {
  const { db } = context;
  const { locator } = wanted;
  const { rows } = await db.query<{ hidden: boolean }>(
    "SELECT hidden_at IS NOT NULL AS hidden FROM holdfast.tombstone WHERE locator = $1 ORDER BY id DESC",
    [locator],
  );
  const [newest] = rows;
  if (newest === undefined) return { outcome: "gone", message: "Nothing of it is left." };
  if (newest.hidden) {
    const kept = await keptOf(context, run, wanted);
    if (kept !== undefined) return kept;
  }
  const object = await register(context, run, locator);
  if (object === undefined) return { outcome: "alive", message: "Somebody has just registered it." };
  return settle(context, run, { wanted, object, isHidden: newest.hidden });
}

/** Looks whether the bytes of what is registered again are there, and brings them back. */
async function settle(
  context: CollectorContext,
  run: Run,
  {
    wanted: { locator, path, store },
    object,
    isHidden,
  }: { readonly wanted: Wanted; readonly object: KnownObject; readonly isHidden: boolean },
): Promise<Answer> {
  const subject = { store, path, object };
  const verdict = isHidden ? undefined : await verify(context, run, subject);
  if (verdict?.kind === "verified") return { outcome: "revived", message: "Its bytes were never touched." };
  if (verdict?.kind === "changed") return { outcome: "alive", message: "Somebody else has verified it." };
  if (verdict?.kind === "wrong")
    return { outcome: "revived", message: `It is not what it was: ${verdict.wrong.message}` };
  const healing = await heal(context, run, subject, "revive.after-copy");
  if (healing.kind === "healed")
    return { outcome: "revived", message: `Its bytes came from ${healing.from}.` };
  if (healing.kind === "changed") return { outcome: "alive", message: "Somebody else has registered it." };
  if (await isThere(store.driver, path, run.signal)) return { outcome: "revived", message: healing.message };
  await abandon(context, run, { locator, gen: object.gen });
  return { outcome: "gone", message: healing.message };
}

/** Why a hidden object cannot come back now; `undefined` when it can. */
async function keptOf(
  { db }: CollectorContext,
  { signal }: Run,
  { path, store }: Wanted,
): Promise<Answer | undefined> {
  const hidden = await hiddenOf(db, store.config.name, path);
  const draining = hidden.find(({ isDrained }) => !isDrained);
  if (draining !== undefined) {
    const until = draining.drainedAt.toISOString();
    return {
      outcome: "busy",
      message: `A deletion of it may still be on its way until ${until}. Try again then.`,
    };
  }
  for (const one of hidden) {
    for await (const { at, versionId } of fromTrash(store, one, signal)) {
      if ((await store.driver.head(at, signal, versionId)) !== undefined) return undefined;
      break;
    }
  }
  if (await isThere(store.driver, path, signal)) return undefined;
  return { outcome: "gone", message: "Its bytes are not in the trash any more." };
}

const registerText = `INSERT INTO holdfast.object (locator, tree, size, sha256, version_id)
  SELECT locator, tree, size, sha256, version_id FROM holdfast.tombstone WHERE locator = $1 ORDER BY id DESC LIMIT 1
  ON CONFLICT (locator) DO NOTHING RETURNING gen::text AS gen`;

/** Registers it again, unverified. The trigger cancels a tombstone that nobody has claimed, and refuses while one is worked on. */
async function register(
  { db }: CollectorContext,
  run: Run,
  locator: string,
): Promise<KnownObject | undefined> {
  return db.transaction(async (transaction) => {
    const { rows } = await transaction
      .query<{ gen: string }>(registerText, [locator])
      .catch((error: unknown) => {
        if (sqlstateOf(error) !== "55006") throw error;
        throw new ServiceError("CONFLICT", "a worker has claimed it.", { cause: error });
      });
    const [row] = rows;
    if (row === undefined) return undefined;
    await audit(transaction, run, "revive", [{ locator, gen: row.gen, details: { was: "killed" } }]);
    return (await lookUp(transaction, locator)).object;
  });
}

/** Nothing could be brought back: the row dies the normal way, as that of an abandoned upload does. */
async function abandon(
  { db }: CollectorContext,
  run: Run,
  { locator, gen }: { readonly locator: string; readonly gen: string },
): Promise<void> {
  await db.transaction(async (transaction) => {
    await transaction.query(
      "UPDATE holdfast.object SET condemned_at = '-infinity' WHERE locator = $1 AND gen = $2 AND verified_at IS NULL",
      [locator, gen],
    );
    await audit(transaction, run, "abandon", [{ locator, gen }]);
  });
}
