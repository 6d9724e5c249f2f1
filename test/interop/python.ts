/** The peer in an environment of its own, and programs that are run to their end. */

import { spawn, spawnSync } from "node:child_process";
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

const env = { ...process.env, DJ_IGNORE_CONFIG_FILE: "true", PYTHONWARNINGS: "ignore" };

export function run(program: string, args: readonly string[]): Ended {
  const result = spawnSync(program, args, { encoding: "utf8", cwd: root, env, maxBuffer: 64 << 20 });
  return { status: result.status, out: `${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}` };
}

/** The same while this process goes on, as it must where it reads what a service says: that would stop at a full pipe. */
export function runBeside(program: string, args: readonly string[]): Promise<Ended> {
  const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (piece: Buffer) => (out += piece.toString("utf8")));
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("close", (status) => done({ status, out }));
  });
}

/** The output of what must succeed. @throws with its end otherwise. */
export function must(what: string, { status, out }: Ended): string {
  if (status === 0) return out;
  throw new Error(`${what} failed (${status}):\n${out.slice(-4000)}`);
}

/** Installs the peer, once for these versions. */
export function installPeer(): void {
  installPython("datajoint-2.3.5", packages);
}

/** The interpreter of an environment in `.cache/` that has `wanted` packages, installed once for these versions. */
export function installPython(name: string, wanted: readonly string[]): string {
  const place = join(root, ".cache", name);
  const interpreter = join(place, "bin", "python");
  const ready = join(place, "ready");
  if (existsSync(ready) && readFileSync(ready, "utf8") === wanted.join(" ")) return interpreter;
  must("python3 -m venv", run("python3", ["-m", "venv", "--clear", place]));
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...wanted];
  must(`pip install ${wanted.join(" ")}`, run(interpreter, pip));
  writeFileSync(ready, wanted.join(" "));
  return interpreter;
}
