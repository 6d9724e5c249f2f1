/** What a store can do beyond the minimum, told in one place: the optional members of its driver. */

import type { StoreDriver } from "./contract.ts";

const abilities = [
  "move",
  "multipart",
  "presign",
  "refusesLate",
  "tags",
  "versions",
] as const satisfies (keyof StoreDriver)[];

/** Names of the abilities that a driver has. */
export function abilitiesOf(driver: StoreDriver): string[] {
  return abilities.filter((name) => driver[name] !== undefined);
}
