/** The collector as one process of the world runs it. */

import { removeBytes } from "../../../src/collector/bytes.ts";
import { collect } from "../../../src/collector/collect.ts";
import { createCollector } from "../../../src/collector/collector.ts";
import type { CollectorContext } from "../../../src/collector/context.ts";
import type {
  Collector,
  CollectReport,
  CollectRequest,
  FsckReport,
  FsckRequest,
  Revival,
} from "../../../src/collector/contract.ts";
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
  work: (collector: Collector, context: CollectorContext) => Promise<T>,
): Promise<Ended<T>> {
  const { life, db, stores } = world.process("collector", interruption);
  const warnings: unknown[] = [];
  const warn = (error: unknown): void => void warnings.push(error);
  try {
    const { faults, worker } = life;
    const context = { db, stores, faults, version, worker, warn };
    const report = await work(createCollector(context), context);
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
  const { claimMs } = world;
  const asked = { apply: true, by: "proof", ...request };
  return runProcess(world, interruption, (collector, context) =>
    claimMs === undefined
      ? collector.collect(asked)
      : collect(context, asked, {
          storeDoubts,
          removeBytes: (of, run, store, options) => removeBytes(of, run, store, { ...options, claimMs }),
        }),
  );
}

export function runFsck(
  world: World,
  request: Partial<FsckRequest> = {},
  { interruption }: RunOptions = {},
): Promise<Ended<FsckReport>> {
  return runProcess(world, interruption, (collector) =>
    collector.fsck({ apply: true, by: "proof", ...request }),
  );
}

export function runRevive(
  world: World,
  locators: readonly string[],
  { interruption }: RunOptions = {},
): Promise<Ended<readonly Revival[]>> {
  return runProcess(world, interruption, (collector) => collector.revive({ locators, by: "proof" }));
}

/** What an operator sets. */
export async function setPolicy(world: World, policy: Parameters<Collector["setPolicy"]>[0]): Promise<void> {
  reportOf(await runProcess(world, undefined, (collector) => collector.setPolicy(policy, "proof")));
}

/** The report of a process that must not have died. */
export function reportOf<T>(ended: Ended<T>): T {
  if ("report" in ended) return ended.report;
  throw ended.died;
}
