/** Bounds the values that are on their way to each store, of all requests together. */

import type { Store } from "../store/contract.ts";
import { Slots } from "../store/slots.ts";

const putsAtOnce = 32;
/** Small ones wait for their store and take no memory for it. */
const smallPutsAtOnce = 64;
/** A value of one piece is small up to this. */
const smallBytes = 64 * 1024;

/** Whether a value is at hand, and small. */
export function isSmall(fixed: Uint8Array | undefined): fixed is Uint8Array {
  return fixed !== undefined && fixed.length <= smallBytes;
}

export class PutSlots {
  readonly #slots = new Map<string, Slots>();

  /** Of one store, for a value that is at hand as `fixed`, or comes from elsewhere. */
  of({ config }: Store, fixed?: Uint8Array): Slots {
    const name = isSmall(fixed) ? `${config.name}/small` : config.name;
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    const made = new Slots(isSmall(fixed) ? smallPutsAtOnce : putsAtOnce);
    this.#slots.set(name, made);
    return made;
  }
}
