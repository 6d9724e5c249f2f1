/** One place of the drill in which one process lives after the other. */

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { armedEnv, type Moment } from "./arms.ts";
import type { Line } from "./lines.ts";
import { claimMs } from "./times.ts";

export type Role = "writer" | "collector";

export interface Death {
  /** `planned`: at a point; `shot`: from outside, at any moment; `lived`: it was done before. */
  readonly how: "planned" | "shot" | "lived";
  /** Where it died, as planned. */
  readonly point: string | undefined;
}

export interface Plan {
  readonly role: Role;
  /** Where its script lies. */
  readonly folder: string;
  readonly url: string;
  readonly stores: string;
  readonly number: number;
  readonly seed: number;
  /** Of hiding. */
  readonly way: "rename" | "copy";
  /** It dies at the first that it comes to. */
  readonly deaths: readonly Moment[];
  /** Where it stops itself; who hears it tells it to go on. */
  readonly stop: Moment | undefined;
  /** From outside, after so many milliseconds. */
  readonly shotAfterMs: number | undefined;
  readonly hear: (line: Line) => void;
  readonly started?: (child: ChildProcess) => void;
}

/** Runs one process to its end. @throws when it ended otherwise than by a kill or its last line. */
export function live(plan: Plan): Promise<Death> {
  const { role } = plan;
  const script = join(plan.folder, `${role}.mjs`);
  const args = [
    "--no-warnings",
    script,
    plan.url,
    plan.stores,
    String(plan.number),
    String(plan.seed),
    plan.way,
    String(claimMs),
  ];
  const env = { ...process.env, ...armedEnv(plan.deaths, plan.stop) };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  plan.started?.(child);
  let point: string | undefined;
  let isDone = false;
  let errors = "";
  const hear = (text: string): void => {
    const line = JSON.parse(text) as Line;
    if ("done" in line) isDone = true;
    if ("dying" in line) point = line.dying;
    plan.hear(line);
  };
  let rest = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const texts = (rest + chunk.toString()).split("\n");
    rest = texts.pop() ?? "";
    for (const text of texts) hear(text);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(0, 6000);
  });
  const shoot = (): void => void child.kill("SIGKILL");
  const timer = plan.shotAfterMs === undefined ? undefined : setTimeout(shoot, plan.shotAfterMs);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const how = signal !== "SIGKILL" ? "lived" : point === undefined ? "shot" : "planned";
      // A start that meets a server which is away ends by itself: no death, and nothing was promised.
      if (how === "lived" && !isDone && !/DATABASE_UNAVAILABLE|ECONN|57P0|terminat/i.test(errors))
        reject(new Error(`a ${role} ended with ${code}: ${errors}`));
      else resolve({ point, how });
    });
  });
}
