/** From rounds to figures, the targets, and the table of the reference. */

import { readFile, writeFile } from "node:fs/promises";
import type { LoadResult } from "./load.ts";
import { type ContenderName, contenderNames, type QueryName, queries, queryNames } from "./workload.ts";

/** One round of one contender. Microseconds on the processor: of the server, and of all PostgreSQL processes. */
export interface Round {
  readonly result: LoadResult;
  readonly own: number;
  readonly database: number;
}

/** Medians over the rounds of one contender and query. */
export interface Measure {
  readonly query: QueryName;
  readonly contender: ContenderName;
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of the server a request. */
  readonly cpu: number;
  /** Microseconds of PostgreSQL a request. */
  readonly databaseCpu: number;
  readonly answerBytes: number;
  /** Requests a second and microseconds a request, round by round; rounds of contenders are neighbours in time. */
  readonly rounds: readonly { readonly rate: number; readonly cpu: number }[];
}

/** What a run found. */
export interface Figures {
  readonly date: string;
  readonly host: {
    readonly cpu: string;
    readonly cores: number;
    readonly node: string;
    readonly postgresql: string;
  };
  readonly how: {
    readonly rounds: number;
    readonly connections: number;
    readonly secondsARound: number;
    readonly pinned: boolean;
  };
  readonly measures: readonly Measure[];
  /** MiB resident after all rounds. */
  /** Resident, in MiB, after the reads. */
  readonly memory: Readonly<Partial<Record<ContenderName, number>>>;
  /** After the bulk creates too. */
  readonly memoryInTheEnd: Figures["memory"];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** Medians of the rounds. */
export function summed(query: QueryName, contender: ContenderName, rounds: readonly Round[]): Measure {
  const of = (value: (round: Round) => number): number => median(rounds.map(value));
  const percentile = ({ latencies }: LoadResult, part: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? Number.NaN;
  const each = rounds.map(({ result, own }) => ({
    rate: result.requests / result.seconds,
    cpu: own / result.requests,
  }));
  return {
    query,
    contender,
    requestsPerSecond: median(each.map(({ rate }) => rate)),
    p50: of(({ result }) => percentile(result, 0.5)),
    p99: of(({ result }) => percentile(result, 0.99)),
    cpu: median(each.map(({ cpu }) => cpu)),
    databaseCpu: of(({ result, database }) => database / result.requests),
    answerBytes: rounds.at(-1)?.result.answerBytes ?? 0,
    rounds: each,
  };
}

interface Target {
  readonly name: string;
  readonly value: number;
  readonly limit: number;
  readonly isMost: boolean;
}

/** What issue 4 asks for, beside what was found. */
function targets({ measures, memory }: Figures): readonly Target[] {
  const ratio = (query: QueryName, to: ContenderName, of: "rate" | "cpu"): number => {
    const find = (name: ContenderName) =>
      measures.find((one) => one.query === query && one.contender === name)?.rounds ?? [];
    const theirs = find(to);
    return median(find("holdfast").map((round, at) => round[of] / (theirs[at]?.[of] ?? Number.NaN)));
  };
  const reads: readonly QueryName[] = ["row", "list", "tree", "codecs"];
  const cpuLimit = { row: 0.5, list: 0.5, tree: 0.4, codecs: 0.4 } as const;
  const all: Target[] = [
    ...reads.map((query) => ({
      name: `CPU a request over PostGraphile's, ${queries[query].title}`,
      value: ratio(query, "postgraphile", "cpu"),
      limit: cpuLimit[query as keyof typeof cpuLimit],
      isMost: true,
    })),
    ...reads.map((query) => ({
      name: `requests/s over PostGraphile's, ${queries[query].title}`,
      value: ratio(query, "postgraphile", "rate"),
      limit: 1.8,
      isMost: false,
    })),
    {
      name: `requests/s over the hand-written server's, ${queries.row.title}`,
      value: ratio("row", "raw", "rate"),
      limit: 0.6,
      isMost: false,
    },
    {
      name: `requests/s over the hand-written server's, ${queries.tree.title}`,
      value: ratio("tree", "raw", "rate"),
      limit: 0.7,
      isMost: false,
    },
    {
      name: `rows/s over the hand-written insert's, ${queries.create.title}`,
      value: ratio("create", "raw", "rate"),
      limit: 0.5,
      isMost: false,
    },
    {
      name: "memory after the reads, which both answer, over PostGraphile's",
      value: (memory.holdfast ?? Number.NaN) / (memory.postgraphile ?? Number.NaN),
      limit: 1,
      isMost: true,
    },
  ];
  return all.filter(({ value }) => !Number.isNaN(value));
}

function isMet({ value, limit, isMost }: Target): boolean {
  return isMost ? value <= limit : value >= limit;
}

function targetLine(target: Target): string {
  return `${target.name}: ${target.value.toFixed(2)} (${target.isMost ? "at most" : "at least"} ${target.limit}) ${isMet(target) ? "met" : "MISSED"}`;
}

/** Prints the figures and the targets. */
export function printFigures(figures: Figures): void {
  for (const query of queryNames) {
    for (const one of figures.measures.filter((measure) => measure.query === query)) {
      const numbers = `${one.requestsPerSecond.toFixed(0).padStart(7)}/s  p50 ${one.p50.toFixed(2)} ms  p99 ${one.p99.toFixed(2)} ms  server ${one.cpu.toFixed(0)} µs  PostgreSQL ${one.databaseCpu.toFixed(0)} µs  ${one.answerBytes} bytes`;
      process.stdout.write(`${query.padEnd(8)} ${one.contender.padEnd(13)} ${numbers}\n`);
    }
  }
  process.stdout.write(
    `memory   ${Object.entries(figures.memory)
      .map(
        ([name, mib]) =>
          `${name} ${mib} MiB, ${figures.memoryInTheEnd[name as ContenderName] ?? mib} in the end`,
      )
      .join("; ")}\n`,
  );
  for (const target of targets(figures)) process.stdout.write(`${targetLine(target)}\n`);
}

const shownNames: Readonly<Record<ContenderName, string>> = {
  raw: "hand-written",
  holdfast: "**Holdfast**",
  postgraphile: "PostGraphile 5.1.5",
  apollo: "Apollo + DataLoader",
};

/** Writes `figures.json`, and the part of the reference between its marks. */
export async function writeFigures(figures: Figures, file: string, page: string): Promise<void> {
  await writeFile(file, `${JSON.stringify(figures, null, 2)}\n`);
  const text = await readFile(page, "utf8");
  const [head, rest] = text.split("<!-- figures -->\n");
  const tail = rest?.split("<!-- /figures -->")[1];
  if (head === undefined || tail === undefined) throw new Error(`${page} has no marks for the figures.`);
  await writeFile(page, `${head}<!-- figures -->\n${table(figures)}<!-- /figures -->${tail}`);
}

/** The figures as the page shows them. */
function table(figures: Figures): string {
  const { host, how, date, memory, memoryInTheEnd } = figures;
  const head = `Measured ${date}: ${host.cpu}, ${host.cores} cores; Node ${host.node.slice(1)}, PostgreSQL ${host.postgresql}; ${how.connections} connections, medians of ${how.rounds} interleaved rounds of ${how.secondsARound} s${how.pinned ? ", server and load generator each on a core of their own" : ""}.\n`;
  const columns =
    "\n| request | server | requests/s | p50 ms | p99 ms | server CPU µs | PostgreSQL CPU µs |\n|---|---|---:|---:|---:|---:|---:|\n";
  const lines = queryNames.flatMap((query) =>
    contenderNames.flatMap((contender) => {
      const one = figures.measures.find(
        (measure) => measure.query === query && measure.contender === contender,
      );
      if (one === undefined) return [];
      const numbers = [
        one.requestsPerSecond.toFixed(0),
        one.p50.toFixed(2),
        one.p99.toFixed(2),
        one.cpu.toFixed(0),
        one.databaseCpu.toFixed(0),
      ];
      return [`| ${queries[query].title} | ${shownNames[contender]} | ${numbers.join(" | ")} |\n`];
    }),
  );
  const memories = (of: Figures["memory"]) =>
    contenderNames
      .flatMap((name) => (of[name] === undefined ? [] : [`${shownNames[name]} ${of[name]} MiB`]))
      .join(", ");
  const aims = targets(figures).map(
    (target) =>
      `| ${target.name} | ${target.value.toFixed(2)} | ${target.isMost ? "≤" : "≥"} ${target.limit} | ${isMet(target) ? "met" : "missed"} |\n`,
  );
  return `\n${head}${columns}${lines.join("")}\nResident memory after the reads, which all answer: ${memories(memory)}. After the bulk creates, which PostGraphile does not have: ${memories(memoryInTheEnd)}.\n\n| ratio, median of the rounds' ratios | found | aim | |\n|---|---:|---:|---|\n${aims.join("")}\n`;
}
