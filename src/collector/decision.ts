/** Decisions in words; a dry run uses the same ones as a run. */

import type { CollectStep, Decision } from "./contract.ts";

/** Is told decisions, one after the other. */
export type Tell = (decisions: readonly Decision[]) => Promise<void>;

/** An object that something was decided about, as the database gives it. */
export interface Subject {
  readonly locator: string;
  readonly size: string | null;
  readonly condemned?: Date | "always" | undefined;
}

/** Hands decisions to `onDecision`, and waits for it. */
export function teller(onDecision: ((decision: Decision) => void | Promise<void>) | undefined): Tell {
  return async (decisions) => {
    if (onDecision === undefined) return;
    for (const decision of decisions) await onDecision(decision);
  };
}

export function decide(step: CollectStep, store: string, subject: Subject, reason: string): Decision {
  const { locator, size, condemned } = subject;
  return {
    step,
    store,
    locator,
    reason,
    ...(size === null ? {} : { sizeBytes: Number(size) }),
    ...(condemned instanceof Date ? { condemnedAt: condemned } : {}),
  };
}

/** A time of the database as it is asked for with {@link condemnedSql}. */
export function condemnedOf(text: string | null): Subject["condemned"] {
  if (text === null) return undefined;
  return text === "-infinity" ? "always" : new Date(text);
}

/** `condemned_at` of `alias` in a form that every JavaScript engine reads. */
export function condemnedSql(alias: string): string {
  return `CASE WHEN isfinite(${alias}.condemned_at) THEN to_char(${alias}.condemned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    ELSE ${alias}.condemned_at::text END`;
}

export const reasons = {
  release: (schema: string) => `No row of the schema ${schema} refers to it.`,
  condemn: () => "No schema holds it.",
  clear: () => "A schema holds it again.",
  kill: ({ condemned }: Subject, graceSeconds: number) =>
    condemned instanceof Date
      ? `No schema has held it since ${condemned.toISOString()}, which is beyond the grace of ${graceSeconds} s.`
      : "An upload was abandoned, which has no grace.",
  killAtOnce: () => "No schema holds it, and the store gives no grace.",
  hideKilled: () => "It is killed by the same run.",
  hide: () => "It was killed, and its bytes are still under its key.",
  purge: () => "Its time in the trash is over.",
  reap: () => "The upload has expired.",
  keep: ({ condemned }: Subject, graceSeconds: number) =>
    condemned instanceof Date
      ? `No schema holds it; it is killed after ${new Date(condemned.getTime() + graceSeconds * 1000).toISOString()}.`
      : "No schema holds it.",
} as const;
