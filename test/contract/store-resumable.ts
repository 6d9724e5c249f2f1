/** What every store driver does for objects that several requests write. Call inside a `describe`. */

import type { MakePlace } from "../../src/store/law/law.ts";
import { resumableLaws } from "../../src/store/law/resumable.ts";
import { runStoreLaws } from "./store.ts";

/** Answers how to open a driver on one new place, as often as wanted: each is another process to the store. */
export function testResumable(make: MakePlace): void {
  runStoreLaws(resumableLaws, make);
}
