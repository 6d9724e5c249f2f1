/** Putting a finished file in its place: whole, or not there. */

import { link, rename, rm, stat } from "node:fs/promises";
import { ServiceError } from "../../errors.ts";

/** Whether anything is at `path`. */
export function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** File systems without hard links. */
const noLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

/** Moves `from` to `to`. @throws {CONFLICT} when there is a file and `force` is not set. */
export async function moveInto(from: string, to: string, force: boolean): Promise<void> {
  if (force) return await rename(from, to);
  try {
    await link(from, to);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "EEXIST") throw exists(to);
    if (!noLinks.includes(code)) throw error;
    if (await isThere(to)) throw exists(to);
    return await rename(from, to);
  }
  await rm(from);
}

/** The error for a target that is taken. */
export function exists(path: string): ServiceError {
  return new ServiceError("CONFLICT", `${path} exists already.`, {
    details: { value: path, remedy: "Name another with -o, or replace it with --force." },
  });
}
