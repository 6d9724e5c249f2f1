/** For Node itself: `node --import ./test/mutants/hook.ts …` with `HOLDFAST_MUTANT` set. */

import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { isPatched, mutantAsked, patched } from "./patch.ts";

const mutant = mutantAsked();
if (mutant !== undefined) {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.startsWith("file:") || loaded.source === undefined || loaded.source === null) return loaded;
      const path = fileURLToPath(url);
      if (!isPatched(mutant, path)) return loaded;
      const text =
        typeof loaded.source === "string"
          ? loaded.source
          : Buffer.from(loaded.source as Uint8Array).toString();
      return { ...loaded, source: patched(mutant, path, text) };
    },
  });
}
