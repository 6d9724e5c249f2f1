/** One place of the drill in which one process lives after the other. */

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Line } from "./lines.ts";

export type Role = "writer" | "collector";

export interface Death {
  /** Where it was to die; `undefined`: nowhere. */
  readonly point: string | undefined;
  /** `planned`: at its point; `shot`: from outside, at any moment; `lived`: it was done before. */
  readonly how: "planned" | "shot" | "lived";
  readonly pid: number;
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
  readonly fault: { readonly point: string; readonly time: number } | undefined;
  /** From outside, after so many milliseconds. */
  readonly shotAfterMs: number | undefined;
  readonly hear: (line: Line) => void;
  readonly started?: (child: ChildProcess) => void;
}

/** Runs one process to its end. @throws when it ended otherwise than by a kill or its last line. */
export function live(plan: Plan): Promise<Death> {
  const { fault, role } = plan;
  const script = join(plan.folder, `${role}.mjs`);
  const args = [
    "--no-warnings",
    script,
    plan.url,
    plan.stores,
    String(plan.number),
    String(plan.seed),
    plan.way,
  ];
  const env = {
    ...process.env,
    HOLDFAST_FAULT: fault === undefined ? "" : `${fault.point}:kill:${fault.time}`,
  };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  plan.started?.(child);
  let isShot = false;
  let isDone = false;
  let errors = "";
  const hear = (text: string): void => {
    const line = JSON.parse(text) as Line;
    if ("done" in line) isDone = true;
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
  const shoot = (): void => {
    isShot = child.kill("SIGKILL");
  };
  const timer = plan.shotAfterMs === undefined ? undefined : setTimeout(shoot, plan.shotAfterMs);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const pid = child.pid ?? 0;
      const how = signal !== "SIGKILL" ? "lived" : isShot ? "shot" : "planned";
      // A start that meets a server which is away ends by itself: no death, and nothing was promised.
      if (how === "lived" && !isDone && !/DATABASE_UNAVAILABLE|ECONN|57P0|terminat/i.test(errors))
        reject(new Error(`a ${role} ended with ${code}: ${errors}`));
      else resolve({ point: fault?.point, how, pid });
    });
  });
}
