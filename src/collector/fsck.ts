/** A check of stores against the database, and of the database against itself. Never deletes bytes; without `apply` changes nothing. */

import { parseLocator } from "../object/locator.ts";
import type { Store } from "../store/contract.ts";
import { isThere } from "./bytes-of.ts";
import type { Check } from "./check.ts";
import type { CollectorContext, Run } from "./context.ts";
import type { Doubt, FsckReport, FsckRequest } from "./contract.ts";
import { danglingReferences } from "./dangling.ts";
import { Findings, type StoreFindings, storeDoubt } from "./findings.ts";
import { forgetTrash, indexTrash } from "./lost-trash.ts";
import { clearMilestones } from "./milestone.ts";
import { checkMultiparts } from "./open-multiparts.ts";
import { reconcile } from "./reconcile.ts";
import { isRestored, prepareRestored, restoreChecked } from "./restored.ts";
import { recorded } from "./run-record.ts";
import { storeDoubts } from "./store-doubts.ts";

/** What `fsck` has from other parts. */
export interface FsckParts {
  readonly databaseDoubts: (context: CollectorContext) => Promise<readonly Doubt[]>;
}

interface Told {
  readonly doubts: readonly Doubt[];
  readonly stores: readonly StoreFindings[];
}

/**
 * Compares stores with the database. A store that is not the one it should be, or fails, is a doubt of the report, and is left alone.
 * @throws {STORE_UNKNOWN} for a store that is not configured, {DATABASE_UNAVAILABLE}.
 */
export async function fsck(
  context: CollectorContext,
  request: FsckRequest,
  parts: FsckParts,
): Promise<FsckReport> {
  const { stores } = context;
  const asked = (request.stores ?? [...stores.all.keys()]).map((name) => stores.get(name));
  const { value, run, startedAt, endedAt } = await recorded(
    context,
    { kind: "FSCK", applied: request.apply, by: request.by, signal: request.signal },
    (begun) => {
      request.onRun?.(begun.id);
      return checkAll(context, begun, { request, asked, parts });
    },
  );
  return { run: run.id, startedAt, endedAt, ...value };
}

interface Work {
  readonly request: FsckRequest;
  readonly asked: readonly Store[];
  readonly parts: FsckParts;
}

async function checkAll(context: CollectorContext, run: Run, { request, asked, parts }: Work): Promise<Told> {
  const doubts: Doubt[] = [...(await parts.databaseDoubts(context))];
  const { apply, scrub = 0, onFinding } = request;
  const all = new Map<string, Findings>();
  for (const store of asked) {
    const { name } = store.config;
    const findings = new Findings(name, onFinding);
    all.set(name, findings);
    doubts.push(...(await checkStore({ context, run, store, apply, scrub, findings })));
  }
  await checkReferences(context, run, { all, doubts });
  return { doubts, stores: [...all.values()].map((findings) => findings.report()) };
}

/** With a canary that is missing it goes on: to find out what else is, is what a check is for. */
async function checkStore(check: Check): Promise<readonly Doubt[]> {
  const { context, store, run } = check;
  const isRestore = check.apply && (await isRestored(context.db, store.config.name));
  const doubts = [...(await storeDoubts(context, store, run.signal))];
  const isStopped = () => doubts.some(({ code }) => code !== "CANARY");
  // Of a store that is not there nothing is taken back either.
  if (isRestore && !isStopped()) doubts.push(...(await prepareRestored(context, run, store)));
  if (isStopped()) return doubts;
  if (isRestore) await indexTrash(context.db, store, run.signal);
  const found = await reconcile(check);
  if (found.length > 0) return [...doubts, ...found];
  if (isRestore) {
    await clearMilestones(store, run.signal);
    await restoreChecked(context, store.config.name);
    await forgetTrash(context.db, store);
  }
  try {
    await checkMultiparts(check);
  } catch (error) {
    run.signal?.throwIfAborted();
    const doubt = storeDoubt(store.config.name, error);
    if (doubt === undefined) throw error;
    return [...doubts, doubt];
  }
  return doubts;
}

interface Sofar {
  readonly all: ReadonlyMap<string, Findings>;
  readonly doubts: Doubt[];
}

async function checkReferences(context: CollectorContext, run: Run, { all, doubts }: Sofar): Promise<void> {
  const references = danglingReferences(context.db, (doubt) => doubts.push(doubt), run.signal);
  for await (const { locator, from, to } of references) {
    const at = parseLocator(locator);
    const findings = all.get(at?.store ?? "");
    if (at === undefined || findings === undefined) continue;
    const { driver } = context.stores.get(at.store);
    // A store that does not answer is a doubt already; of a path that no store can have there are no bytes.
    const found = await isThere(driver, at.path, run.signal).catch(() => undefined);
    if (found === false) findings.lost += 1;
    const bytes = found === undefined ? "" : ` Its bytes are ${found ? "there" : "not in the store"}.`;
    await findings.tell(
      "DANGLING_ROW",
      at.path,
      "left",
      `${from} refers to it, and ${to} does not have it.${bytes}`,
    );
  }
}
