/** The thread that makes and reads small files of one store: what takes many short calls of the system takes them here, without turns in between. */

import { parentPort } from "node:worker_threads";
import { plainOf, type SmallAsk, type SmallDone, type SmallReply, type SmallWork } from "./small-contract.ts";
import { getGroup } from "./small-get.ts";
import { putGroup } from "./small-put.ts";

/** Of all groups under way, which pass through each other's folders. */
const made = new Set<string>();

async function doneOf(work: SmallWork): Promise<SmallDone[keyof SmallDone]> {
  if (work.kind === "get") return getGroup(work.root, work.gets);
  const puts = work.puts.map(({ path, from, to }) => ({ path, bytes: work.bytes.subarray(from, to) }));
  const outcomes = await putGroup(puts, { root: work.root, made });
  const isFailed = outcomes.some((outcome) => "error" in outcome);
  return {
    outcomes: outcomes.map((each) => ("error" in each ? { error: plainOf(each.error) } : each)),
    unsynced: isFailed ? [...made] : [],
  };
}

async function answer({ id, work }: SmallAsk): Promise<void> {
  try {
    const done = await doneOf(work);
    const moved = "bytes" in done ? [done.bytes.buffer as ArrayBuffer] : [];
    parentPort?.postMessage({ id, done } satisfies SmallReply, moved);
  } catch (error) {
    parentPort?.postMessage({ id, error: plainOf(error) } satisfies SmallReply);
  }
}

parentPort?.on("message", (ask: SmallAsk) => void answer(ask));
