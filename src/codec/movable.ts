/** Memory that can go to another thread without a copy. */

import { isMarkedAsUntransferable } from "node:worker_threads";

/** Every piece of memory that the value holds, each once. Only for values that nobody else uses any more. */
export function movable(value: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  const seen = new Set<object>();
  const rest: unknown[] = [value];
  for (let one = rest.pop(); one !== undefined || rest.length > 0; one = rest.pop()) {
    if (typeof one !== "object" || one === null || seen.has(one)) continue;
    if (ArrayBuffer.isView(one)) {
      const { buffer } = one;
      if (buffer instanceof ArrayBuffer && !isMarkedAsUntransferable(buffer)) found.add(buffer);
      continue;
    }
    seen.add(one);
    for (const part of Array.isArray(one) ? one : Object.values(one)) {
      // Long lists of numbers hold no memory of their own.
      if (typeof part === "object") rest.push(part);
    }
  }
  return [...found];
}
