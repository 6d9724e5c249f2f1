/** The name under which a file is written until it is whole: one of each process, so that two never write into one. */

import { link, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ServiceError } from "../errors.ts";

/** What some file systems answer that know no second names. */
const noLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** Where this process writes `path` until it is whole. */
export function partOf(path: string): string {
  return `${path}.${process.pid}.part`;
}

/** Gives the whole file its name. @throws {CONFLICT} when another one has got it meanwhile. */
export async function takeName(path: string): Promise<void> {
  try {
    await link(partOf(path), path);
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST") throw fileThere(path);
    if (!noLinks.has(code)) throw error;
    await rename(partOf(path), path);
    return;
  }
  await rm(partOf(path));
}

/** Removes what processes that are no more have left of `path`. */
export async function clearLeft(path: string): Promise<void> {
  const folder = dirname(path);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const rest = name.startsWith(`${basename(path)}.`) ? name.slice(basename(path).length + 1) : "";
    const pid = /^([1-9]\d*)\.part(\.objects)?$/.exec(rest)?.[1];
    if (pid !== undefined && (Number(pid) === process.pid || !isAlive(Number(pid))))
      await rm(join(folder, name), { force: true });
  }
}

/** The error for a name that is taken. */
export function fileThere(path: string): ServiceError {
  return new ServiceError("CONFLICT", `${path} exists already.`, {
    details: { file: path, remedy: "Name another file, or move that one away: none is ever replaced." },
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
