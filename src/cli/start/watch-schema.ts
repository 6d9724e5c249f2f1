/** Watches the schema file and the extension on a terminal: each save is checked, planned and applied while the old version serves. */

import { dirname, resolve } from "node:path";
import { watch } from "chokidar";

/** Editors write in several steps: wait until the file is quiet for this long. */
const quietMs = 150;

/** What is called for watched files. */
export interface WatchCalls {
  /** After saves, one call at a time, with the files that were saved. It must not throw. */
  changed(paths: readonly string[]): Promise<void>;
  /** When the system cannot watch (too many watches, folder gone). */
  failed(error: unknown): void;
}

/** A watch that has begun. */
export interface Watch {
  /** From then on no save is missed. */
  readonly ready: Promise<void>;
  /** Stops watching and waits for a call that runs. */
  stop(): Promise<void>;
}

/** Watches files, which need not be there. */
export function watchSchema(paths: readonly string[], { changed, failed }: WatchCalls): Watch {
  const watched = new Set(paths.map((path) => resolve(path)));
  const touched = new Set<string>();
  let running: Promise<void> | undefined;
  const run = async () => {
    do {
      const saved = [...touched];
      touched.clear();
      await changed(saved);
    } while (touched.size > 0);
    running = undefined;
  };
  // The folders, not the files: some editors replace the file by renaming another over it.
  const watcher = watch([...new Set([...watched].map((path) => dirname(path)))], {
    depth: 0,
    ignoreInitial: true,
    awaitWriteFinish: { stabilityThreshold: quietMs, pollInterval: 50 },
  });
  const ready = Promise.withResolvers<void>();
  watcher.on("ready", ready.resolve);
  watcher.on("error", (error) => {
    ready.resolve();
    failed(error);
  });
  watcher.on("all", (_event, path) => {
    const saved = resolve(path);
    if (!watched.has(saved)) return;
    touched.add(saved);
    running ??= run();
  });
  const stop = async () => {
    await watcher.close();
    await running;
  };
  return { ready: ready.promise, stop };
}
