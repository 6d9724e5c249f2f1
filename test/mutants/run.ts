/**
 * Every mutant in the real code, and the suites that must catch it: `npm run test:mutants -- [NAME…] [--write] [--jobs N] [--suite SUITE…]`; all of them, and the code
 * as it is (`none`), unless named. Prints a table; `--write` keeps it in `result.json`, beside
 * what is there of others; `--suite` runs only these of its suites, and what others have said before counts. Ends with 1 when a mutant that must be caught
 * survives, one that must stay safe is caught, the code as it is fails, or a suite could not be run.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startEmbedded } from "../../src/db/embedded.ts";
import { mutants, withoutPlace } from "./catalog.ts";
import { judges, type Mutant, type Suite } from "./mutant.ts";
import { limitSeconds, runSuite } from "./suites.ts";

const { values, positionals: asked } = parseArgs({
  options: {
    write: { type: "boolean", default: false },
    jobs: { type: "string", default: "1" },
    suite: { type: "string", multiple: true },
  },
  allowPositionals: true,
});

/** The code as it is: what is to catch mutants must pass here. */
const none: Mutant = {
  name: "none",
  lacks: "nothing",
  expected: "safe",
  changes: [],
  suites: [...new Set(mutants.flatMap(({ suites }) => suites))].sort(
    (a, b) => judges.indexOf(a) - judges.indexOf(b),
  ),
};
const all = [none, ...mutants];
const unknown = asked.filter((name) => !all.some((mutant) => mutant.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `There is no mutant ${unknown.join(", ")}. They are: ${all.map(({ name }) => name).join(" ")}\n`,
  );
  process.exit(2);
}

interface Line {
  readonly mutant: string;
  readonly lacks: string;
  readonly expected: Mutant["expected"];
  readonly result: "caught" | "safe" | "survives" | "not judged";
  readonly passed: readonly Suite[];
  readonly by?: Suite;
  readonly test?: string;
  readonly message?: string;
  readonly seconds: number;
}

async function judge(mutant: Mutant, postgres: string): Promise<Line> {
  const { name, lacks, expected } = mutant;
  const before = values.suite === undefined ? undefined : kept().find((one) => one.mutant === name);
  const begin = performance.now();
  const line = (rest: Omit<Line, "mutant" | "lacks" | "expected" | "seconds">): Line => ({
    mutant: name,
    lacks,
    expected,
    ...rest,
    seconds: (before?.seconds ?? 0) + Math.round((performance.now() - begin) / 1000),
  });
  const passed = [...(before?.passed ?? [])];
  const isDue = (suite: Suite) =>
    values.suite === undefined ? true : values.suite.includes(suite) && !passed.includes(suite);
  for (const suite of mutant.suites.filter(isDue)) {
    try {
      const { fails } = await runSuite(suite, name, postgres);
      if (fails !== undefined) return line({ result: "caught", passed, by: suite, ...fails });
      passed.push(suite);
    } catch (error) {
      return line({ result: "not judged", passed, by: suite, message: String(error).slice(0, 500) });
    }
  }
  const left = mutant.suites.find((suite) => !passed.includes(suite));
  if (left !== undefined) return line({ result: "not judged", passed, by: left, message: "It was not run." });
  return line({ result: expected === "safe" ? "safe" : "survives", passed });
}

function isAsExpected({ expected, result, seconds }: Line): boolean {
  return result === expected && (expected === "safe" || seconds <= limitSeconds);
}

/** A server for all; one that runs already is used. */
async function withServer(work: (url: string) => Promise<void>): Promise<void> {
  const running = process.env["HOLDFAST_TEST_POSTGRES"];
  if (running !== undefined) return work(running);
  const base = await mkdtemp(join(tmpdir(), "holdfast-mutants-"));
  const server = await startEmbedded({
    folder: join(base, "postgres"),
    settings: ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200"],
  });
  try {
    await work(server.url);
  } finally {
    await server.stop();
    await rm(base, { recursive: true, force: true });
  }
}

function tell(line: Line): void {
  const mark = isAsExpected(line) ? "ok  " : "FAIL";
  const by = line.by === undefined ? "" : ` by ${line.by}: ${line.test ?? ""} (${line.message ?? ""})`;
  process.stdout.write(`${mark} ${line.mutant.padEnd(26)} ${line.result}${by}, ${line.seconds} s\n`);
}

const file = join(import.meta.dirname, "result.json");

/** What was found before. */
function kept(): readonly Line[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { mutants: Line[] }).mutants : [];
}

/** Beside what is known of others, so that a run may be done in parts. */
function keep(line: Line): void {
  const before = values.suite === undefined ? undefined : kept().find((one) => one.mutant === line.mutant);
  const passed = [...new Set([...(before?.passed ?? []), ...line.passed])];
  const known = new Map([...kept(), { ...line, passed }].map((one) => [one.mutant, one]));
  const lines = all.flatMap(({ name }) => known.get(name) ?? []);
  const seconds = lines.reduce((sum, one) => sum + one.seconds, 0);
  writeFileSync(file, `${JSON.stringify({ seconds, mutants: lines, withoutPlace }, null, 2)}\n`);
}

const chosen = all.filter(({ name }) => asked.length === 0 || asked.includes(name));
const found = new Map<string, Line>();
await withServer(async (url) => {
  const queue = chosen.values();
  const lane = async (): Promise<void> => {
    for (const mutant of queue) {
      const line = await judge(mutant, url);
      found.set(mutant.name, line);
      tell(line);
      if (values.write) keep(line);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, lane));
});
const lines = chosen.flatMap(({ name }) => found.get(name) ?? []);
const failed = lines.filter((line) => !isAsExpected(line));
process.stdout.write(`${lines.length - failed.length} as expected, ${failed.length} not\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
