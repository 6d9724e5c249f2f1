/** The figures of the benchmark: to the terminal, to `figures.json` and into the reference. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Usage } from "./process.ts";

/** One step of a run of the collector, by its audit. */
export interface Phase {
  readonly step: string;
  readonly count: number;
  readonly seconds: number;
}

/** What was found on one store. */
export interface Size {
  readonly objects: number;
  readonly garbage: number;
  /** A command that has a service of its own for a moment and does nothing with it: what the others have, too. */
  readonly idle: Usage;
  /** `fsck --apply`: the whole store compared, what nobody knows adopted. */
  readonly fsck: Usage;
  /** `gc --apply`: from the release of holds to the purge. */
  readonly gc: Usage;
  /** `fsck` once more, where it was done: a store where nothing is wrong. */
  readonly after?: Usage;
  readonly phases: readonly Phase[];
  /** DataJoint's collector on the same store, with as much garbage again. */
  readonly peer?: Usage & { readonly collectSeconds: number; readonly deletedFiles: number };
}

/** All that a run has found. */
export interface Figures {
  readonly date: string;
  readonly sizes: readonly Size[];
}

const memoryAim = 256;
/** Of what a million objects may take beyond what a tenth of them takes: "flat". */
const growthAim = 32;
const secondsAim = 600;

const kept = ({ seconds, cpuSeconds, peakMib }: Usage): Usage => ({ seconds, cpuSeconds, peakMib });

interface Aim {
  readonly name: string;
  readonly found: string;
  readonly aim: string;
  readonly isMet: boolean;
}

function aimsOf({ sizes }: Figures): Aim[] {
  const peaks = sizes.map(({ fsck, gc, after }) => Math.max(fsck.peakMib, gc.peakMib, after?.peakMib ?? 0));
  const most = Math.max(...peaks);
  const growth = (peaks.at(-1) ?? 0) - (peaks[0] ?? 0);
  const largest = sizes.at(-1);
  const seconds = (largest?.fsck.seconds ?? 0) + (largest?.gc.seconds ?? 0);
  return [
    aim("resident memory at its highest, MiB", most, memoryAim),
    aim("growth of that from the smallest store to the largest, MiB", growth, growthAim),
    aim(`fsck and gc of ${largest?.objects} objects, s`, seconds, secondsAim),
  ];
}

function aim(name: string, found: number, most: number): Aim {
  return { name, found: found.toFixed(0), aim: `≤ ${most}`, isMet: found <= most };
}

/** Writes the figures to the terminal. */
export function print(figures: Figures): void {
  process.stdout.write(`${tables(figures)}\n`);
}

/** Writes `figures.json`, and the part of the reference between its marks. */
export async function write({ date, sizes }: Figures): Promise<void> {
  const figures: Figures = {
    date,
    sizes: sizes.map((size) => ({
      ...size,
      idle: kept(size.idle),
      fsck: kept(size.fsck),
      gc: kept(size.gc),
      ...(size.after !== undefined && { after: kept(size.after) }),
    })),
  };
  await writeFile(join(import.meta.dirname, "figures.json"), `${JSON.stringify(figures)}\n`);
  const page = join(import.meta.dirname, "../../docs/reference/performance.md");
  const text = await readFile(page, "utf8");
  const [head, rest] = text.split("<!-- collect -->\n");
  const tail = rest?.split("<!-- /collect -->")[1];
  if (head === undefined || tail === undefined) throw new Error(`${page} has no marks for the collector.`);
  await writeFile(page, `${head}<!-- collect -->\n${tables(figures)}<!-- /collect -->${tail}`);
}

function tables(figures: Figures): string {
  const { date, sizes } = figures;
  const rows = sizes.flatMap((size) => [
    usageRow(size, "`holdfast fsck --apply`", size.fsck),
    usageRow(size, "`holdfast gc --apply`", size.gc),
    ...(size.after === undefined
      ? []
      : [usageRow(size, "`holdfast fsck`, nothing wrong any more", size.after)]),
    ...(size.peer === undefined ? [] : [usageRow(size, "DataJoint 2.3.5 `collect`", size.peer)]),
    usageRow(size, "a command that does nothing", size.idle),
  ]);
  const phases = sizes.flatMap(({ objects, phases: all }) =>
    all.map(
      ({ step, count, seconds }) =>
        `| ${grouped(objects)} | ${step} | ${grouped(count)} | ${seconds.toFixed(1)} | ${((seconds / count) * 1000).toFixed(2)} |\n`,
    ),
  );
  const aims = aimsOf(figures).map(
    ({ name, found, aim: wanted, isMet }) =>
      `| ${name} | ${found} | ${wanted} | ${isMet ? "met" : "missed"} |\n`,
  );
  return `
Measured ${date}.

| objects | garbage | process | s | CPU of the process, s | resident at most, MiB |
|---:|---:|---|---:|---:|---:|
${rows.join("")}
The steps of \`gc\`, by the audit:

| objects | step | done to | s | ms each |
|---:|---|---:|---:|---:|
${phases.join("")}
| aim | found | wanted | |
|---|---:|---:|---|
${aims.join("")}
`;
}

function usageRow({ objects, garbage }: Size, name: string, { seconds, cpuSeconds, peakMib }: Usage): string {
  return `| ${grouped(objects)} | ${grouped(garbage)} | ${name} | ${seconds.toFixed(1)} | ${cpuSeconds.toFixed(1)} | ${peakMib} |\n`;
}

function grouped(number: number): string {
  return number.toLocaleString("en-US");
}
