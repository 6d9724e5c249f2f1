/** What a store has in its sections, as one stream in byte order that is checked on its way: a listing that cannot be trusted ends as an error. */

import { ServiceError } from "../errors.ts";
import type { Store } from "../store/contract.ts";
import { compareBytes } from "../store/path.ts";

/** One file of a listing. */
export interface Listed {
  readonly path: string;
  readonly sizeBytes: number;
}

/** Every file below `prefixes`, which are in byte order. @throws {STORE_UNAVAILABLE} for a listing that repeats itself or goes back. */
export async function* listSections(
  { config, driver }: Store,
  prefixes: readonly string[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Listed> {
  let last: string | undefined;
  for (const prefix of prefixes) {
    for await (const { path, sizeBytes } of driver.list(prefix, { signal })) {
      signal?.throwIfAborted();
      if (!path.startsWith(prefix)) throw broken(config.name, `has ${path}, which was not asked for`);
      if (last !== undefined && compareBytes(last, path) >= 0)
        throw broken(config.name, `repeats itself, or is not in byte order, at ${path}`);
      last = path;
      yield { path, sizeBytes };
    }
  }
}

/** What is wrong with a listing. */
export function broken(store: string, what: string): ServiceError {
  return new ServiceError("STORE_UNAVAILABLE", `The listing of the store ${store} ${what}.`, {
    details: { store, remedy: "Check the store and what stands before it, then try again." },
  });
}
