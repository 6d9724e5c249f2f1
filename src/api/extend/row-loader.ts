/** Loads rows by key, all keys of one turn in one statement. */

import type { Queryable } from "../../db/contract.ts";
import type { RowLoader, Values } from "../../extend/contract.ts";
import type { WriteContext } from "../write/contract.ts";
import { entityKey } from "./entity-key.ts";
import { rowValues } from "./row-values.ts";
import type { UserServices } from "./services.ts";

interface Waiting {
  readonly key: readonly string[];
  readonly done: PromiseWithResolvers<Values | null>;
}

/** A loader of one type. Nothing is kept: what was written since is seen. @throws TypeError for a name that is no table's. */
export function createLoader(
  services: UserServices,
  at: {
    readonly queryable: Queryable;
    readonly context: WriteContext;
    readonly signal: AbortSignal;
    readonly type: string;
  },
): RowLoader {
  const { model } = services;
  const entity = model.entity.get(at.type);
  if (entity === undefined || entity.listOf !== undefined)
    throw new TypeError(`There is no type ${at.type} with @table.`);
  let waiting: Waiting[] = [];
  const flush = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    try {
      const keys = batch.map(({ key }) => key);
      const rows = await rowValues(services, at.queryable, {
        entity,
        keys,
        context: at.context,
        signal: at.signal,
      });
      for (const [index, { done }] of batch.entries()) done.resolve(rows[index] ?? null);
    } catch (error) {
      for (const { done } of batch) done.reject(error);
    }
  };
  const load = async (value: Values | string): Promise<Values | null> => {
    const done = Promise.withResolvers<Values | null>();
    const key = entityKey(model, entity, value);
    // Behind all promises that are settled now, so that what runs side by side is asked for together.
    if (waiting.length === 0) setImmediate(() => void flush());
    waiting.push({ key, done });
    return done.promise;
  };
  return { load, loadMany: (keys) => Promise.all(keys.map(load)) };
}
