/** Text that a command makes into a file. */

import { readFile, writeFile } from "node:fs/promises";
import { ServiceError } from "../errors.ts";

/** Answers whether the file changed: one that is as it should be is not touched, so that tools that watch it are left in peace. */
export async function saveText(text: string, file: string, out: string): Promise<boolean> {
  const before = await readFile(file, "utf8").catch(() => undefined);
  if (before === text) return false;
  await writeFile(file, text).catch((error: unknown) => Promise.reject(unwritable(error, out)));
  return true;
}

function unwritable(error: unknown, out: string): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  return new ServiceError("BAD_USER_INPUT", `--out ${out} cannot be written (${String(error.code)}).`, {
    details: {
      field: "--out",
      value: out,
      remedy: "Name a file in a folder that is there and that you may write.",
    },
    cause: error,
  });
}
