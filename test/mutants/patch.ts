/** Plants a mutant: its texts are replaced while a module is loaded. What is built and shipped never comes here. */

import { resolve, sep } from "node:path";
import { mutants } from "./catalog.ts";
import type { Mutant } from "./mutant.ts";

const src = resolve(import.meta.dirname, "../../src");

/** The mutant that `HOLDFAST_MUTANT` names; `undefined` for none. @throws for a name that no mutant has. */
export function mutantAsked(name: string | undefined = process.env["HOLDFAST_MUTANT"]): Mutant | undefined {
  if (name === undefined || name === "" || name === "none") return undefined;
  const found = mutants.find((mutant) => mutant.name === name);
  if (found === undefined) throw new Error(`HOLDFAST_MUTANT: there is no mutant ${JSON.stringify(name)}.`);
  return found;
}

/** Whether `mutant` changes the module at `path`. */
export function isPatched(mutant: Mutant, path: string): boolean {
  return mutant.changes.some(({ file }) => path === placeOf(file));
}

/** The text of the module at `path` with the changes of `mutant`. @throws when a text to be replaced is not there exactly once. */
export function patched(mutant: Mutant, path: string, text: string): string {
  let changed = text;
  for (const { file, from, to } of mutant.changes) {
    if (path !== placeOf(file)) continue;
    const times = changed.split(from).length - 1;
    if (times !== 1)
      throw new Error(`The mutant ${mutant.name} replaces a text that is ${times} times in ${file}: ${from}`);
    changed = changed.replace(from, () => to);
  }
  return changed;
}

/** Where a file of a {@link Mutant} lies. */
export function placeOf(file: string): string {
  return resolve(src, file.split("/").join(sep));
}
