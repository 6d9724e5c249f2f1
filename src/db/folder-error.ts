/** What the file system says of the data folder, as ServiceError with a remedy. */

import { isServiceError, ServiceError } from "../errors.ts";

const remedies: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  EACCES: [
    "may not be written by this user",
    "Change its owner or mode, or set HOLDFAST_DATA to another folder.",
  ],
  EPERM: [
    "may not be written by this user",
    "Change its owner or mode, or set HOLDFAST_DATA to another folder.",
  ],
  EROFS: ["lies on a read-only file system", "Set HOLDFAST_DATA to a folder that can be written."],
  ENOTDIR: ["is not a folder, or lies below a file", "Set HOLDFAST_DATA to a folder."],
  EEXIST: ["is not a folder", "Set HOLDFAST_DATA to a folder."],
  ENOENT: ["does not exist", "Create it, or set HOLDFAST_DATA to another folder."],
  ENOSPC: [
    "lies on a disk that is full",
    "Free some space, or set HOLDFAST_DATA to a folder on another disk.",
  ],
  EDQUOT: ["is over its quota", "Free some space, or set HOLDFAST_DATA to a folder on another disk."],
};

/** Translates an error of node:fs about `folder`; others pass unchanged. */
export function folderError(error: unknown, folder: string): unknown {
  if (isServiceError(error) || !(error instanceof Error) || !("code" in error)) return error;
  const known = remedies[String(error.code)];
  if (known === undefined) return error;
  return new ServiceError("CONFIG_INVALID", `The data folder ${folder} ${known[0]}.`, {
    details: { field: "HOLDFAST_DATA", value: folder, remedy: known[1] },
    cause: error,
  });
}
