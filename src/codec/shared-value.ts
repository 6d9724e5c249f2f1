/** A value of which several fields are asked: what they have in common is read and worked out once. */

import type { ByteReader, StoredValue } from "./contract.ts";
import { openedOnce, readWhole } from "./opened-once.ts";

/** The same value; what was made of it stays as long as this does. */
export function sharedValue(value: StoredValue): StoredValue {
  const made = new Map<symbol, Promise<unknown>>();
  return {
    ...openedOnce(value),
    shared<Made>(key: symbol, make: () => Promise<Made>): Promise<Made> {
      const known = made.get(key) as Promise<Made> | undefined;
      if (known !== undefined) return known;
      const making = make();
      made.set(key, making);
      return making;
    },
  };
}

const views = new WeakMap<StoredValue, StoredValue>();

/** What `view` makes of a value; for one whose fields are asked together the same each time, and small ones are read once. */
export function sharedView(value: StoredValue, view: (value: StoredValue) => StoredValue): StoredValue {
  const { shared } = value;
  if (shared === undefined) return view(value);
  const known = views.get(value);
  if (known !== undefined) return known;
  const inner = view(value);
  let opened: Promise<ByteReader> | undefined;
  const bytes = (first?: number): Promise<ByteReader> => {
    opened ??= inner.bytes(first).then(readWhole);
    return opened;
  };
  const made = { ...inner, bytes, shared };
  views.set(value, made);
  return made;
}
