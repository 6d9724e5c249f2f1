/** Hiding by a copy in the trash, which is compared before the bytes at the live key are deleted. */

import { isServiceError, ServiceError } from "../errors.ts";
import { ContentDigestStream } from "../object/digest.ts";
import type { ObjectHead } from "../store/contract.ts";
import { deleteNewest, type Task } from "./task.ts";
import { noPlace, trashKeys } from "./trash.ts";

/** Bytes of an object that is read twice to compare it. */
const cheapBytes = 1 << 20;

/** Hides `live`, which lies at the object's path + `rest`; answers the places in the trash that have been tried, of which the last has it. */
export async function hideByCopy(task: Task, rest: string, live: ObjectHead): Promise<readonly string[]> {
  const { id, path } = task.claim.tombstone;
  const bases: string[] = [];
  for (const { base, key } of trashKeys(id, path, rest)) {
    bases.push(base);
    task.claim.check();
    const copied = await copyTo(task, live, key);
    if (copied === "other") continue;
    // Where somebody else has hidden it no DELETE is sent.
    if (copied === "whole") await deleteNewest(task, live.path);
    return bases;
  }
  throw noPlace(path + rest);
}

/** A whole copy at `key`, made now or before; `other`: what lies there is none; `gone`: somebody else has hidden it. */
async function copyTo(task: Task, live: ObjectHead, key: string): Promise<"whole" | "other" | "gone"> {
  const { driver } = task.store;
  const { signal } = task;
  let isNew = true;
  try {
    await driver.copy(live.path, key, { signal });
  } catch (error) {
    if (isServiceError(error, "OBJECT_MISSING")) return "gone";
    if (!isServiceError(error, "STORE_CONFLICT")) throw error;
    isNew = false;
  }
  await task.context.faults("hide.after-copy");
  const copy = await driver.head(key, signal);
  if (copy?.sizeBytes !== live.sizeBytes) return "other";
  // Made before these bytes were written, it is of others that had the same size.
  if (!isNew && copy.modifiedAt.getTime() <= live.modifiedAt.getTime()) return "other";
  if (live.sizeBytes > cheapBytes) return (await isStill(task, live)) ? "whole" : "gone";
  const [there, here] = [await digestAt(task, key), await digestAt(task, live.path)];
  if (here === undefined) return "gone";
  return there === here ? "whole" : "other";
}

async function digestAt({ store, signal }: Task, path: string): Promise<string | undefined> {
  const got = await store.driver.get(path, { signal });
  if (got === undefined) return undefined;
  const digest = new ContentDigestStream();
  for await (const chunk of got.body) digest.update(chunk);
  return digest.finish().sha256;
}

/** Whether the bytes that were copied are still at their key; false: none are. @throws {CONFLICT} when others are. */
async function isStill({ store, signal }: Task, live: ObjectHead): Promise<boolean> {
  const now = await store.driver.head(live.path, signal);
  if (now === undefined) return false;
  if (now.sizeBytes === live.sizeBytes && now.modifiedAt.getTime() === live.modifiedAt.getTime()) return true;
  throw new ServiceError("CONFLICT", `Somebody has replaced ${live.path} while it was copied.`, {
    details: { remedy: "Nothing: it is hidden in a later run." },
  });
}
