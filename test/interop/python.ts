/** The peer in an environment of its own, and programs that are run to their end. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");
/** s3fs is what the peer reaches S3 with. */
const packages = ["datajoint[postgres]==2.3.5", "s3fs==2026.9.0"];
const environment = join(root, ".cache", "datajoint-2.3.5");
export const python = join(environment, "bin", "python");

export interface Ended {
  readonly status: number | null;
  readonly out: string;
}

export function run(program: string, args: readonly string[]): Ended {
  const env = { ...process.env, DJ_IGNORE_CONFIG_FILE: "true", PYTHONWARNINGS: "ignore" };
  const result = spawnSync(program, args, { encoding: "utf8", cwd: root, env, maxBuffer: 64 << 20 });
  return { status: result.status, out: `${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}` };
}

/** The output of what must succeed. @throws with its end otherwise. */
export function must(what: string, { status, out }: Ended): string {
  if (status === 0) return out;
  throw new Error(`${what} failed (${status}):\n${out.slice(-4000)}`);
}

/** Installs the peer, once for these versions. */
export function installPeer(): void {
  const ready = join(environment, "ready");
  const wanted = packages.join(" ");
  if (existsSync(ready) && readFileSync(ready, "utf8") === wanted) return;
  must("python3 -m venv", run("python3", ["-m", "venv", "--clear", environment]));
  must(
    `pip install ${wanted}`,
    run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages]),
  );
  writeFileSync(ready, wanted);
}
