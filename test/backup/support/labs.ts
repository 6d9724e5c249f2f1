/** Laboratories of one test file, each with a database and folders of its own. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freshDatabase } from "../../support/database.ts";
import { fileStore, Lab } from "./lab.ts";

/** Makes laboratories whose two stores are folders of their own in `folder`. */
export function labsIn(folder: string): (isEmpty?: boolean) => Promise<Lab> {
  let labs = 0;
  return async (isEmpty = false) => {
    labs += 1;
    const stores = ["main", "cold"].map((name) => fileStore(name, join(folder, `${name}${labs}`)));
    for (const { location } of stores) mkdirSync(location);
    return Lab.open(await freshDatabase(), stores, { isEmpty });
  };
}
