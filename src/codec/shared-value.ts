/** A value of which several fields are asked: what they have in common is read and worked out once. */

import type { StoredValue } from "./contract.ts";
import { openedOnce, readWhole } from "./opened-once.ts";

/** The same value; what was made of it stays as long as this does. */
export function sharedValue(value: StoredValue): StoredValue {
  const made = new Map<symbol, Promise<unknown>>();
  return {
    ...value,
    shared<Made>(key: symbol, make: () => Promise<Made>): Promise<Made> {
      const known = made.get(key) as Promise<Made> | undefined;
      if (known !== undefined) return known;
      const making = make();
      made.set(key, making);
      return making;
    },
  };
}

const viewKey = Symbol("view");

/** What `view` makes of a value; for one whose fields are asked together the same each time, and small ones are read once. */
export async function sharedView(
  value: StoredValue,
  view: (value: StoredValue) => StoredValue,
): Promise<StoredValue> {
  const { shared } = value;
  if (shared === undefined) return view(value);
  return shared(viewKey, async () => ({ ...openedOnce(view(value), readWhole), shared }));
}
