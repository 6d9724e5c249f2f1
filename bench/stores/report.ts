/** The figures of the stores: to the terminal, to a file, to the reference. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Two ways to do the same, in seconds, and the median of the ratios of neighbouring rounds. */
export interface Ratio {
  readonly name: string;
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: number;
  readonly aim: number;
  readonly rounds: readonly (readonly [number, number])[];
}

/** Resident memory in MiB, four times a second. */
interface Curves {
  readonly up: readonly number[];
  readonly down: readonly number[];
}

/** All that a run has found. */
export interface Figures {
  readonly date: string;
  readonly rounds: number;
  readonly ratios: readonly Ratio[];
  readonly memory: {
    readonly gib: number;
    readonly idle: number;
    readonly remote: Curves;
    readonly local: Curves;
  };
}

const growthAim = 200;

function most({ up, down }: Curves): number {
  return Math.max(...up, ...down);
}

/** Writes the figures to the terminal. */
export function print({ ratios, memory }: Figures): void {
  for (const { name, ours, theirs, ratio, aim } of ratios) {
    const numbers = `${ours.toFixed(2)} s, ${theirs.toFixed(2)} s, ratio ${ratio.toFixed(2)} (at least ${aim})`;
    process.stdout.write(`${name.padEnd(28)} ${numbers} ${ratio >= aim ? "met" : "MISSED"}\n`);
  }
  for (const field of ["remote", "local"] as const) {
    const peak = most(memory[field]);
    process.stdout.write(
      `memory, ${memory.gib} GiB, ${field}: idle ${memory.idle} MiB, at most ${peak} MiB, growth ${peak - memory.idle} (at most ${growthAim}) ${peak - memory.idle <= growthAim ? "met" : "MISSED"}\n`,
    );
  }
}

/** Writes `figures.json`, and the part of the reference between its marks. */
export async function write(figures: Figures): Promise<void> {
  await writeFile(join(import.meta.dirname, "figures.json"), `${JSON.stringify(figures)}\n`);
  const page = join(import.meta.dirname, "../../docs/reference/performance.md");
  const text = await readFile(page, "utf8");
  const [head, rest] = text.split("<!-- stores -->\n");
  const tail = rest?.split("<!-- /stores -->")[1];
  if (head === undefined || tail === undefined) throw new Error(`${page} has no marks for the stores.`);
  await writeFile(page, `${head}<!-- stores -->\n${table(figures)}<!-- /stores -->${tail}`);
}

function table({ date, rounds, ratios, memory }: Figures): string {
  const lines = ratios.map(
    ({ name, ours, theirs, ratio, aim }) =>
      `| ${name} | ${ours.toFixed(2)} | ${theirs.toFixed(2)} | ${ratio.toFixed(2)} | ≥ ${aim} | ${ratio >= aim ? "met" : "missed"} |\n`,
  );
  const peaks = (["remote", "local"] as const).map((field) => {
    const { up, down } = memory[field];
    const growth = most(memory[field]) - memory.idle;
    return `| ${field === "remote" ? "S3" : "file"} store | ${memory.idle} | ${Math.max(...up)} | ${Math.max(...down)} | ${growth} | ≤ ${growthAim} | ${growth <= growthAim ? "met" : "missed"} |\n`;
  });
  return `
Measured ${date}, medians of ${rounds} interleaved rounds.

| work | Holdfast, s | beside it, s | ratio | aim | |
|---|---:|---:|---:|---:|---|
${lines.join("")}
Resident memory of the service in MiB while ${memory.gib} GiB go in and come out (the curves are in \`bench/stores/figures.json\`):

| store | idle | in, at most | out, at most | growth | aim | |
|---|---:|---:|---:|---:|---:|---|
${peaks.join("")}
`;
}
