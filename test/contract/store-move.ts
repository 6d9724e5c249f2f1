/** What store drivers that move objects do. Call inside a `describe`. */

import type { StoreDriver } from "../../src/store/contract.ts";
import { moveLaws } from "../../src/store/law/move.ts";
import { placeOf, runStoreLaws } from "./store.ts";

export function testMove(make: () => Promise<StoreDriver>): void {
  runStoreLaws(moveLaws, placeOf(make));
}
