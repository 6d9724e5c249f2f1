/** What the file system refuses, told as an error of the service. */

import { ServiceError } from "../errors.ts";

/** What each errno means for the store, and what to do. */
const meanings: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  ENOSPC: ["is full", "Free some space on the disk, then try again."],
  EDQUOT: ["has used up its quota", "Free some space or raise the quota, then try again."],
  EFBIG: [
    "takes no file of this size",
    "Use a file system with larger files, or raise the limit (ulimit -f).",
  ],
  EIO: ["has a disk that fails to read or write", "Check the disk and the system log."],
  EROFS: ["is read-only", "Mount the file system for writing."],
  EACCES: ["denies access", "Give the user that runs the service access to the folder."],
  EPERM: ["does not allow this operation", "Use a file system with hard links, and check the permissions."],
  EXDEV: ["spans two file systems", "Keep one store on one file system."],
  EOPNOTSUPP: ["cannot make hard links", "Use a file system with hard links."],
  ENOTSUP: ["cannot make hard links", "Use a file system with hard links."],
  EMLINK: ["cannot make hard links", "Use a file system with hard links."],
  EMFILE: ["has too many files open", "Raise the limit of open files (ulimit -n)."],
  ENFILE: ["has too many files open", "Raise the system's limit of open files."],
  ESTALE: ["is no longer mounted as it was", "Check the mount, then try again."],
  ENOTCONN: ["is not connected", "Check the mount, then try again."],
};

/** The errno name of an error thrown by `node:fs`. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Runs one file-system step; anything it throws becomes STORE_UNAVAILABLE, or BAD_USER_INPUT for a name that is too long. */
export async function guarded<T>(location: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw fileError(location, error);
  }
}

/** The service's error for what `node:fs` threw; errors of ours pass unchanged. */
export function fileError(location: string, error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  const errno = errnoOf(error);
  if (errno === "ENAMETOOLONG") {
    return new ServiceError(
      "BAD_USER_INPUT",
      "The path has a segment that is too long for the file system.",
      {
        details: { field: "path", remedy: "Use shorter names." },
        cause: error,
      },
    );
  }
  const [what, remedy] = meanings[errno ?? ""] ?? [
    `failed (${errno ?? String(error)})`,
    "See the cause in the log.",
  ];
  return new ServiceError("STORE_UNAVAILABLE", `The file store at ${location} ${what}.`, {
    details: { remedy, ...(errno === undefined ? {} : { errno }) },
    cause: error,
  });
}
