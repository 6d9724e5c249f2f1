/** Version of this package, from its `package.json`. */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The package's folder: the nearest one above this file with a `package.json` of the name. */
export function packageFolder(from: string = import.meta.dirname): string {
  for (let at = from; ; at = dirname(at)) {
    const found = nameOf(at);
    if (found === "holdfast" || at === dirname(at)) return at;
  }
}

export function packageVersion(): string {
  return readPackage(packageFolder()).version ?? "0.0.0";
}

function nameOf(folder: string): string | undefined {
  try {
    return readPackage(folder).name;
  } catch {
    return undefined;
  }
}

function readPackage(folder: string): { name?: string; version?: string } {
  // Our own file; only two of its keys are read.
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    name?: string;
    version?: string;
  };
}
