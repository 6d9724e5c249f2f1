/** Whether the sample laboratory is still to be loaded: only into a database that `start` made, once, also after a kill half-way. */

import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const fileIn = (dataFolder: string) => join(dataFolder, "sample-pending");

/** Remembers that a database was made here and waits for its sample. */
export async function markSamplePending(dataFolder: string): Promise<void> {
  const fresh = `${fileIn(dataFolder)}.new`;
  await writeFile(fresh, "The sample laboratory is loaded at the next start.\n");
  await rename(fresh, fileIn(dataFolder));
}

export async function isSamplePending(dataFolder: string): Promise<boolean> {
  return readFile(fileIn(dataFolder)).then(
    () => true,
    () => false,
  );
}

export async function markSampleLoaded(dataFolder: string): Promise<void> {
  await rm(fileIn(dataFolder), { force: true });
}
