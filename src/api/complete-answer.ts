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
  await Promise.all([
    completeAll(context, large, parallel),
    completeAll(context, small, parallel * smallForOne),
  ]);
}

function isSmall({ stored: { meta, object } }: CodecTask): boolean {
  const size = object?.size ?? meta?.["size"];
  return typeof size === "number" && size <= smallBytes;
}

async function completeAll(
  context: ReadContext,
  tasks: readonly CodecTask[],
  parallel: number,
): Promise<void> {
  const waiting = tasks[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (const task of waiting) {
      context.signal?.throwIfAborted();
      await completeOne(context, task);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, tasks.length) }, work));
}

async function completeOne(context: ReadContext, task: CodecTask): Promise<void> {
  try {
    putAt(task.slot, await readTask(context, task));
  } catch (error) {
    if (context.signal?.aborted === true) throw error;
    // Without its codec nothing of a value can be told: the field itself answers the error.
    task.faults.add(isServiceError(error, "CODEC_UNAVAILABLE") ? task.whole : task.slot, error);
  }
}
