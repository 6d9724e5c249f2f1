/** The figures of the codecs: to the terminal, to a file, to the reference. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The same work on both sides, in seconds: medians, and the median of the ratios of neighbouring rounds (theirs over ours). */
export interface Ratio {
  readonly name: string;
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: number;
  readonly aim?: number;
  /** Bytes that pass, or rows. */
  readonly amount: { readonly bytes: number } | { readonly rows: number };
}

export interface Figures {
  readonly date: string;
  readonly rounds: number;
  readonly ratios: readonly Ratio[];
}

function rate(seconds: number, amount: Ratio["amount"]): string {
  if ("rows" in amount) return `${Math.round(amount.rows / seconds)} rows/s`;
  return `${(amount.bytes / seconds / 1e6).toPrecision(3)} MB/s`;
}

function verdict({ ratio, aim }: Ratio): string {
  return aim === undefined ? "" : ratio >= aim ? "met" : "missed";
}

function cells(figure: Ratio): string[] {
  const { name, ours, theirs, ratio, aim, amount } = figure;
  const wanted = aim === undefined ? "" : `≥ ${aim}`;
  return [name, rate(ours, amount), rate(theirs, amount), ratio.toFixed(2), wanted, verdict(figure)];
}

/** A line of the terminal. */
export function print(figure: Ratio): void {
  const [name = "", ...rest] = cells(figure);
  process.stdout.write(`${name.padEnd(34)} ${rest.map((cell) => cell.padStart(15)).join("")}\n`);
}

/** Writes `figures.json`, and the part of the reference between its marks. */
export async function write(figures: Figures): Promise<void> {
  await writeFile(join(import.meta.dirname, "figures.json"), `${JSON.stringify(figures)}\n`);
  const page = join(import.meta.dirname, "../../docs/reference/performance.md");
  const text = await readFile(page, "utf8");
  const [head, rest] = text.split("<!-- codecs -->\n");
  const tail = rest?.split("<!-- /codecs -->")[1];
  if (head === undefined || tail === undefined) throw new Error(`${page} has no marks for the codecs.`);
  const lines = figures.ratios.map((figure) => `| ${cells(figure).join(" | ")} |\n`).join("");
  const table = `
Measured ${figures.date}, medians of ${figures.rounds} rounds in which both take turns.

| work | Holdfast | Python | ratio | aim | |
|---|---:|---:|---:|---:|---|
${lines}
`;
  await writeFile(page, `${head}<!-- codecs -->\n${table}<!-- /codecs -->${tail}`);
}
