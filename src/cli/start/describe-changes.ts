/** Changes of the schema in words, for the terminal. */

import type { SchemaPlan } from "../../db/apply.ts";
import type { Followed } from "./engine.ts";

/** What was done, or what waits and how to do it. */
export function describeChanges({ plan, applied }: Pick<Followed, "plan" | "applied">): string[] {
  if (plan.changes.length === 0) return [];
  return applied ? plan.changes.map(({ summary }) => `applied: ${summary}`) : describePending(plan);
}

/** Each step that waits, why those that cannot be made cannot, and the command that goes on from here. */
export function describePending({ changes, destructive, refused }: SchemaPlan): string[] {
  const mark = (change: SchemaPlan["changes"][number]) =>
    refused.includes(change) ? "  CANNOT BE MADE" : destructive.includes(change) ? "  DESTRUCTIVE" : "";
  return [
    ...changes.flatMap((change) => [
      `pending: ${change.summary}${mark(change)}`,
      ...(change.refusal === undefined ? [] : [`  ${change.refusal.message} ${change.refusal.remedy}`]),
    ]),
    nextStep({ refused: refused.length > 0, destructive: destructive.length > 0 }),
  ];
}

/** The command that goes on from a plan. */
export function nextStep(plan: { readonly refused: boolean; readonly destructive: boolean }): string {
  if (plan.refused) return "next: change the schema file as said, or the rows, then: holdfast plan";
  if (!plan.destructive) return "next: holdfast apply";
  return "next: holdfast apply --allow-destructive (it removes data; a renamed type or field is kept by @renamedFrom)";
}
