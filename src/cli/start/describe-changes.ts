/** Changes of the schema in words, for the terminal. */

import type { SchemaPlan } from "../../db/apply.ts";
import type { Followed } from "./engine.ts";

/** What was done, or what waits and how to do it. */
export function describeChanges({ plan, applied }: Followed): string[] {
  if (plan.changes.length === 0) return [];
  return applied ? plan.changes.map(({ summary }) => `applied: ${summary}`) : describePending(plan);
}

export function describePending({ changes, destructive, refused }: SchemaPlan): string[] {
  const mark = (change: SchemaPlan["changes"][number]) =>
    refused.includes(change) ? "  CANNOT BE MADE" : destructive.includes(change) ? "  DESTRUCTIVE" : "";
  return [
    ...changes.map((change) => `pending: ${change.summary}${mark(change)}`),
    ...refused.flatMap(({ refusal }) =>
      refusal === undefined ? [] : [`  ${refusal.message} ${refusal.remedy}`],
    ),
    `next: holdfast plan, then holdfast apply${destructive.length > 0 ? " --allow-destructive" : ""}`,
  ];
}
