/**
 * Healing of what reads have missed, beside them: the read has failed and says so; whoever tries again may find the object.
 *
 * A row of `holdfast.collector_run` tells of each object that truly was missing.
 */

import { locatorOf, parseLocator } from "../object/locator.ts";
import { Slots } from "../store/slots.ts";
import { isThere } from "./bytes-of.ts";
import type { CollectorContext } from "./context.ts";
import { heal } from "./heal.ts";
import { lookUp } from "./known.ts";
import { recorded } from "./run-record.ts";

/** Heals in the background. */
export interface Healer {
  /** An object that a read has missed. Returns at once; what is looked at already, or was a moment ago, is not again. */
  missing(locator: string): void;
  /** Ends what is under way, which any check goes on with; nothing more is begun. */
  close(): Promise<void>;
}

/** Objects that are healed side by side: reads must not wait for this. */
const atOnce = 2;
/** Most objects that wait; of a store that lost more, a check is the remedy. */
const maxWaiting = 1_000;
/** How long an object that was looked at is not looked at again. */
const pauseMs = 60_000;

export function createHealer(context: CollectorContext): Healer {
  const slots = new Slots(atOnce);
  const closing = new AbortController();
  const running = new Set<Promise<void>>();
  const seenAt = new Map<string, number>();
  const forget = (now: number): void => {
    for (const [locator, at] of seenAt) {
      if (now - at < pauseMs) return;
      seenAt.delete(locator);
    }
  };
  return {
    missing: (locator) => {
      const now = performance.now();
      forget(now);
      if (closing.signal.aborted || seenAt.has(locator) || seenAt.size >= maxWaiting) return;
      seenAt.set(locator, now);
      const one = slots
        .run(() => healMissing(context, locator, closing.signal), closing.signal)
        .catch((error: unknown) => {
          if (!closing.signal.aborted) context.warn(error, `healing of ${locator}`);
        })
        .finally(() => running.delete(one));
      running.add(one);
    },
    close: async () => {
      closing.abort();
      await Promise.all(running);
    },
  };
}

async function healMissing(context: CollectorContext, locator: string, signal: AbortSignal): Promise<void> {
  const parsed = parseLocator(locator);
  const store = context.stores.all.get(parsed?.store ?? "");
  const { object } = await lookUp(context.db, locator);
  if (parsed === undefined || store === undefined || object === undefined) return;
  const { path } = parsed;
  if (await isThere(store.driver, path, signal)) return;
  const asked = { kind: "FSCK", applied: true, by: "a read that missed it", signal } as const;
  await recorded(context, asked, async (run) => {
    const healing = await heal(context, run, { store, path, object });
    return { locator: locatorOf(store.config.name, path), ...healing };
  });
}
