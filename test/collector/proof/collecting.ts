/** The collector as one process of the world runs it. The only file of these tests that knows how its parts are put together. */

import { removeBytes } from "../../../src/collector/bytes.ts";
import { collect } from "../../../src/collector/collect.ts";
import type { CollectorContext } from "../../../src/collector/context.ts";
import type {
  CollectReport,
  CollectRequest,
  FsckReport,
  FsckRequest,
  Revival,
} from "../../../src/collector/contract.ts";
import { fsck } from "../../../src/collector/fsck.ts";
import { databaseDoubts } from "../../../src/collector/guard.ts";
import { revive } from "../../../src/collector/revive.ts";
import { storeDoubts } from "../../../src/collector/store-doubts.ts";
import { Died, type Interruption, type Life } from "./life.ts";
import { version, type World } from "./world.ts";

/** What came of a process that may have died. */
export type Ended<T> =
  | { readonly life: Life; readonly report: T }
  | { readonly life: Life; readonly died: unknown };

async function runProcess<T>(
  world: World,
  interruption: Interruption | undefined,
  work: (context: CollectorContext) => Promise<T>,
): Promise<Ended<T>> {
  const { life, db, stores } = world.process("collector", interruption);
  const warnings: unknown[] = [];
  const warn = (error: unknown): void => void warnings.push(error);
  try {
    const report = await work({ db, stores, faults: life.faults, version, worker: life.worker, warn });
    if (life.isDead) return { life, died: new Died(`${life.worker} died`) };
    return { life, report };
  } catch (error) {
    if (life.isDead || error instanceof Died) return { life, died: error };
    throw error;
  } finally {
    await life.settled();
  }
}

export interface RunOptions {
  readonly interruption?: Interruption | undefined;
}

export function runCollect(
  world: World,
  request: Partial<CollectRequest> = {},
  { interruption }: RunOptions = {},
): Promise<Ended<CollectReport>> {
  return runProcess(world, interruption, (context) =>
    collect(context, { apply: true, by: "proof", ...request }, { removeBytes, storeDoubts }),
  );
}

export function runFsck(
  world: World,
  request: Partial<FsckRequest> = {},
  { interruption }: RunOptions = {},
): Promise<Ended<FsckReport>> {
  return runProcess(world, interruption, (context) =>
    fsck(context, { apply: true, by: "proof", ...request }, { databaseDoubts }),
  );
}

export function runRevive(
  world: World,
  locators: readonly string[],
  { interruption }: RunOptions = {},
): Promise<Ended<readonly Revival[]>> {
  return runProcess(world, interruption, (context) => revive(context, { locators, by: "proof" }));
}

/** The report of a process that must not have died. */
export function reportOf<T>(ended: Ended<T>): T {
  if ("report" in ended) return ended.report;
  throw ended.died;
}
