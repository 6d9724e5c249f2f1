/** Runs one suite on one mutant, in processes of its own, and says what it made of it. */

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Suite } from "./mutant.ts";

const root = resolve(import.meta.dirname, "../..");
/** Whatever the machine does beside: a test that fails must fail twice, and is not hurried. */
const patience = ["--retry=1", "--testTimeout=120000", "--hookTimeout=240000"];
/** Within which each mutant must be caught. */
export const limitSeconds = 600;

/** What a suite has said: `fails`, absent when it has passed. */
export interface Outcome {
  readonly fails?: { readonly test: string; readonly message: string };
}

/** @throws when the suite could not be run: that says nothing about the mutant. */
export async function runSuite(suite: Suite, mutant: string, postgres: string): Promise<Outcome> {
  const env = {
    ...process.env,
    SUITE: "all",
    CI: "",
    HOLDFAST_MUTANT: mutant,
    HOLDFAST_TEST_POSTGRES: postgres,
  };
  if (suite === "model-based runs") return judged(suite, "runs", env);
  if (suite === "drill") return judged(suite, "drill", env);
  return tested(suite, env);
}

async function judged(suite: Suite, what: "runs" | "drill", env: NodeJS.ProcessEnv): Promise<Outcome> {
  const [hook, judge] = ["hook.ts", "judge.ts"].map((name) => join(import.meta.dirname, name));
  const { status, stdout, stderr } = await run(["--no-warnings", `--import=${hook}`, judge ?? "", what], env);
  const line = stdout.trim().split("\n").at(-1) ?? "";
  if (status !== 0 || !line.startsWith("{"))
    throw new Error(`${suite} could not be run: ${stderr.slice(-2000)}`);
  const { broken } = JSON.parse(line) as { broken?: string };
  return broken === undefined ? {} : { fails: { test: suite, message: essence(broken) } };
}

interface Report {
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

async function tested(suite: Suite, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-mutant-"));
  const file = join(folder, "report.json");
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  try {
    const args = [
      vitest,
      "run",
      `test/${suite}`,
      "--bail=1",
      ...patience,
      "--reporter=json",
      `--outputFile=${file}`,
    ];
    const { stderr } = await run(args, env);
    const text = await readFile(file, "utf8").catch(() => {
      throw new Error(`${suite} could not be run: ${stderr.slice(-2000)}`);
    });
    return outcomeOf(suite, JSON.parse(text) as Report);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Only a test that fails in what it looks at catches: not a set-up that fails, nor a time that is over on a busy machine. */
function outcomeOf(suite: Suite, { testResults }: Report): Outcome {
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = tests.filter(({ status }) => status === "failed");
  const said = failed.map(({ fullName, failureMessages }) => ({
    test: fullName,
    message: essence(failureMessages[0] ?? ""),
  }));
  const fails = said.find(({ message }) => !/^(Error: )?(Test|Hook) timed out/.test(message));
  if (fails !== undefined) return { fails };
  const broken = testResults.find(({ status }) => status === "failed");
  if (broken !== undefined || tests.length === 0)
    throw new Error(`${suite} says nothing: ${said[0]?.message ?? broken?.message ?? "no test was run"}`);
  return {};
}

/** The first line that says anything, without what differs from run to run. */
function essence(text: string): string {
  const line = text.split("\n").find((one) => one.trim() !== "" && !/^Property failed/.test(one)) ?? "";
  return line.trim().slice(0, 200);
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    const texts = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const)
      child[stream].on("data", (chunk: Buffer) => {
        texts[stream] += chunk.toString();
      });
    const timer = setTimeout(() => child.kill("SIGKILL"), limitSeconds * 1000);
    child.once("error", failed);
    child.once("close", (status) => {
      clearTimeout(timer);
      done({ status, ...texts });
    });
  });
}
