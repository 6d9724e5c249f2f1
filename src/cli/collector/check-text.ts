/** A comparison of stores with the database in words. */

import { byteText } from "../byte-text.ts";
import { textTable } from "../text-table.ts";
import { doubtLines, failedText } from "./collect-text.ts";
import type { FindingRow, RunRow } from "./run.ts";

/** A run with what it found in each store. */
export interface CheckRow extends RunRow {
  readonly checked: readonly CheckedRow[] | null;
}

interface CheckedRow {
  readonly store: string;
  readonly objects: number;
  readonly scrubbedBytes: string;
  readonly found: Readonly<Record<string, number>>;
  readonly mended: number;
  readonly lost: number;
}

/** Fields of {@link CheckRow} beside those of every run. */
export const checkSelection = "checked { store objects scrubbedBytes found mended lost }";

const kinds = [
  ["MISSING", "objects without their bytes", true],
  ["SIZE", "bytes of another size than recorded", true],
  ["DIGEST", "bytes of another digest than recorded", true],
  ["DANGLING_ROW", "rows whose object is absent", true],
  ["UNVERIFIED", "objects that nobody has verified yet", false],
  ["UNKNOWN_BYTES", "bytes that the database does not know", false],
  ["OPEN_MULTIPART", "uploads by parts that nobody has", false],
] as const;

/** The whole report. */
export function checkText(run: CheckRow): string {
  const stores = run.checked ?? [];
  const row = (name: string, cell: (store: CheckedRow) => string, meaning: string): string[] => [
    name,
    ...stores.map(cell),
    meaning,
  ];
  const rows = [
    row("objects", ({ objects }) => String(objects), "compared with the store"),
    row("scrubbed", ({ scrubbedBytes }) => byteText(Number(scrubbedBytes)), "read and digested"),
    ...kinds.map(([kind, meaning]) => row(kind, ({ found }) => String(found[kind] ?? 0), meaning)),
    row("mended", ({ mended }) => String(mended), "of these"),
    row("lost", ({ lost }) => String(lost), "objects that rows need, and whose bytes are nowhere"),
  ];
  return [
    heading(run),
    ...(stores.length === 0 ? [] : ["", textTable(["", ...stores.map(({ store }) => store), ""], rows)]),
    ...doubtLines(run.doubts, "In doubt, and not compared:"),
  ].join("\n");
}

function heading({ isApplied, ...run }: RunRow): string {
  const { id, startedAt } = run;
  if (run.state === "FAILED") return failedText("Check", run);
  return `Check ${id} of ${startedAt}${isApplied ? ", what could be mended is" : ": nothing was changed"}`;
}

/** Whether stored bytes are damaged or missing. */
export function isDamaged({ checked }: CheckRow): boolean {
  return (checked ?? []).some(
    ({ found, lost }) => lost > 0 || kinds.some(([kind, , isDamage]) => isDamage && (found[kind] ?? 0) > 0),
  );
}

/** Whether a run with `--apply` would do something. */
export function isMendable({ checked, isApplied }: CheckRow): boolean {
  const total = ({ found }: CheckedRow): number =>
    Object.values(found).reduce((sum, count) => sum + count, 0);
  return !isApplied && (checked ?? []).some((store) => total(store) > store.mended);
}

/** One finding a line. */
export function findingLine({ kind, locator, message, outcome }: FindingRow): string {
  return `${kind.padEnd(14)}  ${locator}: ${message}${outcome === "left" ? "" : ` (${outcome})`}`;
}
