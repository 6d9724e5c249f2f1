/** The tasks that run by themselves, and what they tell the log: what was done, and once what stands in the way. */

import type { Collector, CollectReport, Doubt, FsckReport } from "../collector/contract.ts";
import { type ExpireContext, expire } from "./expire.ts";
import type { JobLog, Task } from "./worker.ts";

/** Who asks, in the audit. */
const by = "schedule";

/** Removes rows whose time has come. */
export function expireTask(context: ExpireContext, log: JobLog): Task {
  return async (signal) => {
    const { run, entities, isToldBefore } = await expire(context, { by, signal });
    if (run === undefined) return;
    const message = "rows whose time has come were removed where nothing keeps them";
    if (isToldBefore) log.info({ run, entities }, message);
    else log.warn({ run, entities }, message);
  };
}

/** Collects what nothing refers to, in every store. */
export function collectTask(collector: Pick<Collector, "collect">, log: JobLog): Task {
  const tellDoubts = doubtTeller(log, "the collector deletes nothing where it has a doubt");
  return async (signal) => {
    const report = await collector.collect({ apply: true, by, signal });
    tellDoubts(report.doubts);
    const facts = { run: report.run, stores: report.stores };
    if (hasDone(report)) log.info(facts, "objects that nothing refers to were collected");
    else log.debug(facts, "there was nothing to collect");
  };
}

function hasDone({ stores }: CollectReport): boolean {
  return stores.some(({ isApplied, counts }) => {
    const { release, condemn, clear, kill, hide, purge, reap } = counts;
    return isApplied && release + condemn + clear + kill + hide + purge + reap > 0;
  });
}

/** Compares every store with the database, and mends what can be mended; reads no bytes. */
export function fsckTask(collector: Pick<Collector, "fsck">, log: JobLog): Task {
  const tellDoubts = doubtTeller(log, "a check of the stores has a doubt");
  return async (signal) => {
    const report = await collector.fsck({ apply: true, by, signal });
    tellDoubts(report.doubts);
    const facts = { run: report.run, stores: report.stores };
    if (isSound(report)) log.debug(facts, "the stores have what the database says");
    else log.warn(facts, "the stores do not have what the database says");
  };
}

function isSound({ stores }: FsckReport): boolean {
  return stores.every(({ found, lost }) => lost === 0 && Object.values(found).every((count) => count === 0));
}

/** The same doubts are told once, and again after a run without them. */
function doubtTeller(log: JobLog, message: string): (doubts: readonly Doubt[]) => void {
  let told = "[]";
  return (doubts) => {
    const now = JSON.stringify(doubts.map(({ code, store, subject }) => [code, store, subject]));
    if (now !== told && doubts.length > 0) log.warn({ doubts }, message);
    told = now;
  };
}
