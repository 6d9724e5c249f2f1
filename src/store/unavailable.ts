/** The driver of a store whose own driver is not in service: everything is refused, nothing is taken for absent. */

import { ServiceError } from "../errors.ts";
import type { StoreDriver } from "./contract.ts";

/** Every call of it fails. @throws {STORE_UNAVAILABLE} with `problem` and `remedy`. */
export function unavailableDriver(
  protocol: string,
  { store, problem, remedy }: { readonly store: string; readonly problem: string; readonly remedy: string },
): StoreDriver {
  const refuse = (): never => {
    throw new ServiceError(
      "STORE_UNAVAILABLE",
      `The store ${JSON.stringify(store)} cannot be used: ${problem}`,
      {
        details: { field: "store", value: store, remedy },
      },
    );
  };
  const refused = async (): Promise<never> => refuse();
  return {
    protocol,
    head: refused,
    get: refused,
    put: refused,
    copy: refused,
    list: () => ({ [Symbol.asyncIterator]: () => ({ next: refused }) }),
    delete: refused,
    probe: refused,
    resumable: {
      pieceBytes: refuse,
      takesShortPieces: false,
      arrivesLate: false,
      begin: refused,
      take: refused,
      write: refused,
      complete: refused,
      discard: refused,
    },
  };
}
