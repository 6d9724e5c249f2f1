/** Hiding by giving the bytes another path, where a store can do so without a second copy of them. */

import { isServiceError } from "../errors.ts";
import type { StoreDriver } from "../store/contract.ts";
import { type Task, takeAway } from "./task.ts";
import { noPlace, trashKeys } from "./trash.ts";

/** Hides what lies at the object's path + `rest`; answers the places in the trash that have been tried, of which the last one has it. */
export async function hideByRename(
  task: Task,
  rest: string,
  move: NonNullable<StoreDriver["move"]>,
): Promise<readonly string[]> {
  const { id, path } = task.claim.tombstone;
  const bases: string[] = [];
  for (const { base, key } of trashKeys(id, path, rest)) {
    bases.push(base);
    try {
      await takeAway(task, path + rest, (departure) => move(path + rest, key, departure));
      return bases;
    } catch (error) {
      // Other bytes lie there: from before a restore, or of a writer who came between.
      if (!isServiceError(error, "STORE_CONFLICT")) throw error;
    }
  }
  throw noPlace(path + rest);
}
