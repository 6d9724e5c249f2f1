/** Watches the schema file on a terminal: each save is checked, planned and applied while the old version serves. */

import { dirname, resolve } from "node:path";
import { watch } from "chokidar";

/** Editors write in several steps: wait until the file is quiet for this long. */
const quietMs = 150;

/** What is called for a watched file. */
export interface WatchCalls {
  /** After each save, one call at a time. It must not throw. */
  changed(): Promise<void>;
  /** When the system cannot watch (too many watches, folder gone). */
  failed(error: unknown): void;
}

/** Watches `path`. Answers a function that stops watching and waits for a call that runs. */
export function watchSchema(path: string, { changed, failed }: WatchCalls): () => Promise<void> {
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
  watcher.on("error", failed);
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
