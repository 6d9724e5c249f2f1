/** Runs the tasks of a walk, a few at a time, and puts their values where they belong. */

import { isServiceError } from "../errors.ts";
import { putAt } from "./answer-slot.ts";
import { type CodecTask, type ReadContext, readTask } from "./complete-codec.ts";
import type { Walk } from "./completion.ts";

/** A stored value is small up to this many bytes. */
const smallBytes = 64 * 1024;
/** Small ones at a time, for each larger one: what is asked of a store for many of them together costs it less. */
const smallForOne = 8;

/** Completes what `walk` found. Errors become errors of their paths; only an abort of the caller is thrown. */
export async function completeTasks(walk: Walk, context: ReadContext, parallel: number): Promise<void> {
  const { small = [], large = [] } = Object.groupBy(walk.tasks, (task) =>
    isSmall(task) ? "small" : "large",
  );
  const failed = new Map<CodecTask, unknown>();
  await Promise.all([
    completeAll({ context, failed }, large, parallel),
    completeAll({ context, failed }, small, parallel * smallForOne),
  ]);
  // In the order of the answer, whichever was first to fail.
  for (const task of walk.tasks) {
    const error = failed.get(task);
    if (error === undefined) continue;
    // Without its codec nothing of a value can be told: the field itself answers the error.
    task.faults.add(isServiceError(error, "CODEC_UNAVAILABLE") ? task.whole : task.slot, error);
  }
}

interface Run {
  readonly context: ReadContext;
  readonly failed: Map<CodecTask, unknown>;
}

function isSmall({ stored: { meta, object } }: CodecTask): boolean {
  const size = object?.size ?? meta?.["size"];
  return typeof size === "number" && size <= smallBytes;
}

async function completeAll(run: Run, tasks: readonly CodecTask[], parallel: number): Promise<void> {
  const waiting = tasks[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (const task of waiting) {
      run.context.signal?.throwIfAborted();
      await completeOne(run, task);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, tasks.length) }, work));
}

async function completeOne({ context, failed }: Run, task: CodecTask): Promise<void> {
  try {
    putAt(task.slot, await readTask(context, task));
  } catch (error) {
    if (context.signal?.aborted === true) throw error;
    failed.set(task, error ?? new TypeError("Nothing was thrown."));
  }
}
