/** The figures of the collector beside the API: to the terminal, to a file, to the reference. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { median, p99 } from "./paced.ts";

/** One round: the same requests with nobody collecting and beside the collector; milliseconds of each, by kind. */
export interface Round {
  readonly idle: Readonly<Record<string, readonly number[]>>;
  readonly collecting: Readonly<Record<string, readonly number[]>>;
  /** What the collector did in the round, by step. */
  readonly steps: Readonly<Record<string, number>>;
  /** Share of one core while it collected, by process. */
  readonly cores: Readonly<Record<string, number>>;
}

export interface Line {
  readonly kind: string;
  readonly idleP99: number;
  readonly collectingP99: number;
  /** Median of the rounds' ratios. */
  readonly ratio: number;
  readonly ratios: readonly number[];
  readonly idleMedian: number;
  readonly collectingMedian: number;
}

export interface Figures {
  readonly date: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly garbage: number;
  /** Requests. */
  readonly perSecond: number;
  /** Of the machine, and what wants to run on it, others' work too. */
  readonly cores: number;
  readonly load: number;
  readonly lines: readonly Line[];
  readonly steps: Readonly<Record<string, number>>;
  /** Cores in use while the collector worked, by process. */
  readonly used: Readonly<Record<string, number>>;
  readonly longestLockMs: number;
  readonly longestLock: string;
}

const aim = 2;
const lockAim = 250;

export function linesOf(rounds: readonly Round[]): Line[] {
  return Object.keys(rounds[0]?.idle ?? {}).map((kind) => {
    const of = (which: "idle" | "collecting") => rounds.map((round) => round[which][kind] ?? []);
    const idle = of("idle").map(p99);
    const collecting = of("collecting").map(p99);
    const ratios = collecting.map((value, index) => value / (idle[index] ?? Number.NaN));
    return {
      kind,
      idleP99: median(idle),
      collectingP99: median(collecting),
      ratio: median(ratios),
      ratios: ratios.map((value) => Math.round(value * 100) / 100),
      idleMedian: median(of("idle").flat()),
      collectingMedian: median(of("collecting").flat()),
    };
  });
}

export function sums(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const one of all)
    for (const [name, value] of Object.entries(one)) total[name] = (total[name] ?? 0) + value;
  return total;
}

const met = (isMet: boolean): string => (isMet ? "met" : "missed");

export function table(figures: Figures): string {
  const { date, rounds, seconds, garbage, lines, steps, used, cores, load, perSecond } = figures;
  const { longestLockMs } = figures;
  const cells = lines.map(
    ({ kind, idleMedian, collectingMedian, idleP99, collectingP99, ratio }) =>
      `| ${kind} | ${idleMedian.toFixed(1)} | ${collectingMedian.toFixed(1)} | ${idleP99.toFixed(1)} | ${collectingP99.toFixed(1)} | ${ratio.toFixed(2)} | ≤ ${aim} | ${met(ratio <= aim)} |\n`,
  );
  const done = Object.entries(steps).map(([step, count]) => `${step} ${count}`);
  const shares = Object.entries(used).map(([name, share]) => `${name} ${share.toFixed(2)}`);
  return `
Measured ${date}, medians of ${rounds} interleaved rounds of twice ${seconds} s with ${Math.round(perSecond)} requests a second, a store with ${garbage} dead objects at the
start of each. The machine has ${cores} cores; its load was ${load}.

| request | idle, median ms | collecting | idle, p99 ms | collecting | ratio | aim | |
|---|---:|---:|---:|---:|---:|---|---|
${cells.join("")}
The collector did meanwhile: ${done.join(", ")}. Cores in use while it did: ${shares.join(", ")}.
The longest wait for a lock: ${longestLockMs} ms (at most ${lockAim}, ${met(longestLockMs <= lockAim)}).

`;
}

/** Writes `figures.json`, and the part of the reference between its marks. */
export async function write(figures: Figures): Promise<void> {
  await writeFile(join(import.meta.dirname, "figures.json"), `${JSON.stringify(figures)}\n`);
  const page = join(import.meta.dirname, "../../docs/reference/performance.md");
  const text = await readFile(page, "utf8");
  const [head, rest] = text.split("<!-- collect-beside -->\n");
  const tail = rest?.split("<!-- /collect-beside -->")[1];
  if (head === undefined || tail === undefined) throw new Error(`${page} has no marks for the collector.`);
  await writeFile(page, `${head}<!-- collect-beside -->\n${table(figures)}<!-- /collect-beside -->${tail}`);
}
