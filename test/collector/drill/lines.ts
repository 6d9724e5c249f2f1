/** What a process of the drill says, one JSON line at a time: each is one system call, so that a killed process leaves whole lines. */

import { writeSync } from "node:fs";

export type Line =
  /** A change of a row is about to be sent; `digest` null: it is to go. */
  | { readonly begin: string; readonly digest: string | null }
  /** It was acknowledged. */
  | { readonly ack: string; readonly digest: string | null }
  | { readonly put: string }
  /** It ends here, now. */
  | { readonly dying: string }
  /** It has stopped itself here, until it is told to go on. */
  | { readonly stopped: string }
  | { readonly refused: string }
  | { readonly wrong: string }
  | { readonly done: string };

export function say(line: Line): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}
