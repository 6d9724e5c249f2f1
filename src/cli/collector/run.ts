/** A run of the collector, from its beginning to its end, as a command sees it. */

import { setTimeout as sleep } from "node:timers/promises";
import { askSystem } from "../../client/ask.ts";
import type { Endpoint } from "../../client/request.ts";
import { isPassing, retrying } from "../../client/retry.ts";
import { systemEvents } from "../events.ts";
import { Interrupted } from "../interrupt.ts";

/** A reason to delete nothing. */
export interface DoubtRow {
  readonly code: string;
  readonly store: string | null;
  readonly message: string;
  readonly remedy: string;
}

/** What every run tells. */
export interface RunRow {
  readonly id: string;
  readonly state: string;
  readonly isApplied: boolean;
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** Why it has failed, where that is known. */
  readonly error: string | null;
  readonly doubts: readonly DoubtRow[];
}

/** What has been decided or found. */
export interface News {
  readonly decisions: readonly DecisionRow[];
  readonly findings: readonly FindingRow[];
}

export interface DecisionRow {
  readonly step: string;
  readonly locator: string;
  readonly reason: string;
  readonly sizeBytes: string | null;
}

export interface FindingRow {
  readonly kind: string;
  readonly locator: string;
  readonly message: string;
  readonly outcome: string;
}

/** What to run. */
export interface RunOrder {
  /** `collect` or `fsck`. */
  readonly mutation: string;
  readonly input: { readonly follow: boolean; readonly [more: string]: unknown };
  /** Fields of the run beside those of {@link RunRow}. */
  readonly selection: string;
  readonly onNews: (news: News) => Promise<void>;
}

const common = "id state isApplied startedAt endedAt error doubts { code store subject message remedy }";
const news = `decisions { step store locator reason sizeBytes condemnedAt }
  findings { kind store locator message outcome }`;

const lookMs = 1000;

/** Begins a run and follows it to its end. Ctrl-C stops the run itself. */
export async function runToEnd<Run extends RunRow>(
  at: Endpoint,
  order: RunOrder,
  signal: AbortSignal,
): Promise<Run> {
  const { mutation, input, selection } = order;
  const type = mutation === "collect" ? "CollectInput" : "FsckInput";
  const begin = `mutation ($input: ${type}!) { run: ${mutation}(input: $input) { ${common} ${selection} } }`;
  const { run } = await askSystem<{ run: Run }>(at, begin, { input: { ...input, wait: false } });
  try {
    for (;;) {
      const begun = { ...order, id: run.id };
      const ended = (await followed<Run>(at, begun, signal)) ?? (await look(at, begun, signal));
      if (ended.state !== "RUNNING") return ended as Run; // as: it has the selection of the first answer
      await sleep(lookMs, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    const stop = "mutation ($id: ID!) { stopCollectorRun(id: $id) { id } }";
    await askSystem(at, stop, { id: run.id }).catch(() => undefined);
    throw new Interrupted();
  }
}

/** The run when it has ended; undefined where the connection has ended before. */
async function followed<Run>(
  at: Endpoint,
  { id, selection, onNews }: RunOrder & { readonly id: string },
  signal: AbortSignal,
): Promise<Run | undefined> {
  const subscription = `subscription ($id: ID!) { progress: collectorProgress(run: $id) {
    ${news} ended { ${common} ${selection} } } }`;
  try {
    const events = systemEvents<{ progress: News & { ended: Run | null } }>(at, subscription, {
      variables: { id },
      signal,
    });
    for await (const { progress } of events) {
      await onNews(progress);
      if (progress.ended !== null) return progress.ended;
    }
  } catch (error) {
    if (signal.aborted || !isPassing(error)) throw error;
  }
  return undefined;
}

async function look(
  at: Endpoint,
  { selection, id }: RunOrder & { readonly id: string },
  signal: AbortSignal,
): Promise<RunRow> {
  const query = `query ($id: ID!) { run: collectorRun(id: $id) { ${common} ${selection} } }`;
  const { run } = await retrying(() => askSystem<{ run: RunRow }>(at, query, { id }), signal);
  return run;
}
