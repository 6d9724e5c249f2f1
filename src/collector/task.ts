/** One claimed object in work, and the only ways by which its bytes leave their keys. */

import { isServiceError, ServiceError } from "../errors.ts";
import type { ObjectHead, Store } from "../store/contract.ts";
import type { Claim } from "./claim.ts";
import type { CollectorContext, Run } from "./context.ts";

export interface Task {
  readonly context: CollectorContext;
  readonly run: Run;
  readonly store: Store;
  readonly claim: Claim;
  /** Fires when the run is ended, or the claim is another's. */
  readonly signal: AbortSignal;
}

/** What a deletion, or a move, is told. */
interface Departure {
  readonly expiresAt: Date;
  readonly signal: AbortSignal;
}

/** Looks what lies at a live key. */
export async function look(task: Task, path: string): Promise<ObjectHead | undefined> {
  const head = await task.store.driver.head(path, task.signal);
  await task.context.faults("hide.after-head");
  return head;
}

/**
 * Takes the bytes at `path` away by `send`, which has them kept elsewhere; nothing is sent when the claim is over. Whatever `send` says, the
 * store is asked whether they are gone.
 * @throws {CONFLICT} when the claim is over, or bytes lie there afterwards; what `send` throws while they do.
 */
export async function takeAway(
  task: Task,
  path: string,
  send: (departure: Departure) => Promise<unknown>,
): Promise<void> {
  const { context, store, claim, signal } = task;
  await context.faults("hide.before-delete");
  let failure: ServiceError | undefined;
  const expiresAt = claim.expiresAt();
  claim.sent();
  try {
    await send({ expiresAt, signal });
    await context.faults("hide.delete-reply-lost");
    claim.answered();
  } catch (error) {
    if (isServiceError(error, "STORE_CONFLICT")) claim.answered();
    // An answer may be lost, and the bytes gone.
    if (!isServiceError(error) || isServiceError(error, "STORE_CONFLICT") || claim.isOver) throw error;
    failure = error;
  }
  if ((await store.driver.head(path, signal)) === undefined) return;
  throw failure ?? reappeared(path);
}

/** Hides the newest bytes at a live key, which are kept elsewhere: no version is named, so nothing is deleted for good where versions are kept. */
export function deleteNewest(task: Task, path: string): Promise<void> {
  return takeAway(task, path, (departure) => task.store.driver.delete(path, departure));
}

function reappeared(path: string): ServiceError {
  return new ServiceError("CONFLICT", `Somebody has written ${path} again while it was hidden.`, {
    details: { remedy: "Nothing: it is hidden in a later run." },
  });
}
