/** A run of the collector in words: what was done or would be, why something was not, and what to type next. */

import { byteText } from "../byte-text.ts";
import { textTable } from "../text-table.ts";
import type { DecisionRow, DoubtRow, RunRow } from "./run.ts";

/** A run with what it did in each store. */
export interface CollectRow extends RunRow {
  readonly collected: readonly CollectedRow[] | null;
}

interface CollectedRow {
  readonly store: string;
  readonly mode: string;
  readonly isApplied: boolean;
  readonly counts: Readonly<Record<StepName, number>> & {
    readonly hiddenBytes: string;
    readonly purgedBytes: string;
  };
}

type StepName = (typeof steps)[number][0];

/** Fields of {@link CollectRow} beside those of every run. */
export const collectSelection = `collected { store mode isApplied counts {
  release condemn clear kill hide purge reap hiddenBytes purgedBytes kept inGrace } }`;

const steps = [
  ["release", "holds of schemas that no row uses any more"],
  ["condemn", "objects that nothing holds: their grace begins"],
  ["clear", "condemned ones that are held again"],
  ["reap", "abandoned uploads"],
  ["kill", "objects whose grace is over"],
  ["hide", "killed ones whose bytes go into the trash"],
  ["purge", "those whose time in the trash is over: gone for good"],
  ["inGrace", "condemned, within their grace"],
  ["kept", "needed by rows or uploads"],
] as const;

/** The whole report. */
export function collectText(run: CollectRow): string {
  const stores = run.collected ?? [];
  const cell = ({ counts }: CollectedRow, step: StepName): string => {
    const bytes = step === "hide" ? counts.hiddenBytes : step === "purge" ? counts.purgedBytes : "0";
    return String(counts[step]) + (bytes === "0" ? "" : ` (${byteText(Number(bytes))})`);
  };
  const rows = steps.map(([step, meaning]) => [
    step === "inGrace" ? "in grace" : step,
    ...stores.map((store) => cell(store, step)),
    meaning,
  ]);
  const modes = stores.map(({ mode }) => mode.toLowerCase());
  const table = textTable(["", ...stores.map(({ store }) => store), ""], [["mode", ...modes, ""], ...rows]);
  const left = stores.filter(({ isApplied }) => run.isApplied && !isApplied).map(({ store }) => store);
  return [
    heading(run, left.length === stores.length),
    ...(stores.length === 0 ? [] : ["", table]),
    ...(left.length === 0
      ? []
      : ["", `stopped; the figures are what a run would do, or did before: ${left.join(", ")}`]),
    ...doubtLines(run.doubts),
  ].join("\n");
}

function heading({ isApplied, ...run }: RunRow, isStopped: boolean): string {
  const { id, startedAt } = run;
  if (run.state === "FAILED") return failedText("Run", run);
  if (isApplied && isStopped) return `Run ${id} of ${startedAt} was stopped by doubts.`;
  return isApplied
    ? `Run ${id} of ${startedAt} has done:`
    : `Dry run ${id} of ${startedAt}: nothing was changed. A run would do:`;
}

/** A run that came to no end, and why. */
export function failedText(
  what: string,
  { id, startedAt, error }: Pick<RunRow, "id" | "startedAt" | "error">,
): string {
  return `${what} ${id} of ${startedAt} has failed${error === null ? ", after what is told here" : `: ${error}`}`;
}

/** Every doubt with its remedy. */
export function doubtLines(
  doubts: readonly DoubtRow[],
  heading = "Nothing is deleted where there is a doubt:",
): string[] {
  if (doubts.length === 0) return [];
  const lines = doubts.flatMap(({ code, store, message, remedy }) => [
    `  ${store ?? "all stores"}: ${message} (${code})`,
    `    ${remedy}`,
  ]);
  return ["", heading, ...lines];
}

/** Whether nothing but a confirmation is missing. */
function waitsFor({ store, mode }: CollectedRow, doubts: readonly DoubtRow[]): boolean {
  const own = doubts.filter((doubt) => doubt.store === null || doubt.store === store);
  const isConfirmable = ({ code }: DoubtRow): boolean =>
    code === "UNCONFIRMED" || code === "TOO_MANY" || (code === "MODE" && mode === "REPORT");
  return own.length > 0 && own.every(isConfirmable);
}

/** The command that goes on from here; undefined where there is nothing to do, or a remedy must come first. */
export function nextCollect(run: CollectRow, stores: readonly string[]): string | undefined {
  const collected = run.collected ?? [];
  const named = stores.map((store) => ` --store ${store}`).join("");
  if (collected.some((store) => waitsFor(store, run.doubts))) return `holdfast gc --apply --confirm${named}`;
  if (run.isApplied || run.doubts.length > 0) return undefined;
  const done: readonly StepName[] = ["release", "condemn", "clear", "kill", "hide", "purge", "reap"];
  const isIdle = collected.every(({ counts }) => done.every((step) => counts[step] === 0));
  return isIdle ? undefined : `holdfast gc --apply${named}`;
}

/** Whether something was not done that somebody wants: not in a store that is off on purpose. */
export function isWaiting({ isApplied, doubts, collected }: CollectRow): boolean {
  const off = new Set((collected ?? []).filter(({ mode }) => mode === "OFF").map(({ store }) => store));
  return isApplied && doubts.some(({ code, store }) => code !== "MODE" || store === null || !off.has(store));
}

/** One decision a line: step, locator, bytes, why. */
export function decisionLine({ step, locator, reason, sizeBytes }: DecisionRow): string {
  const size = sizeBytes === null ? "" : ` (${byteText(Number(sizeBytes))})`;
  return `${step.padEnd(7)}  ${locator}${size}: ${reason}`;
}
