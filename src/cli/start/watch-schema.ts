/** Watches the schema file on a terminal: each save is checked, planned and applied while the old version serves. */

import { dirname, resolve } from "node:path";
import { watch } from "chokidar";

/** Editors write in several steps: wait until the file is quiet for this long. */
const quietMs = 150;

/** Calls `changed` after each save of `path`, one call at a time. Answers a function that stops watching. */
export function watchSchema(path: string, changed: () => Promise<void>): () => Promise<void> {
  let again = false;
  let running: Promise<void> | undefined;
  const run = async () => {
    do {
      again = false;
      await changed();
    } while (again);
    running = undefined;
  };
  // The folder, not the file: some editors replace the file by renaming another over it.
  const watcher = watch(dirname(path), {
    depth: 0,
    ignoreInitial: true,
    awaitWriteFinish: { stabilityThreshold: quietMs, pollInterval: 50 },
  });
  watcher.on("all", (_event, touched) => {
    if (resolve(touched) !== resolve(path)) return;
    again = true;
    running ??= run();
  });
  return async () => {
    await watcher.close();
    await running;
  };
}
