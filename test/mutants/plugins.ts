/** The two bundlers of the tests, told of a mutant: vitest's, and the one that bundles the processes of the drill. */

import { readFileSync } from "node:fs";
import type { Plugin as EsbuildPlugin } from "esbuild";
import { isPatched, mutantAsked, patched } from "./patch.ts";

interface VitePlugin {
  readonly name: string;
  readonly enforce: "pre";
  transform(code: string, id: string): { code: string; map: null } | undefined;
}

/** For vitest. */
export function vitePlugins(): VitePlugin[] {
  const mutant = mutantAsked();
  if (mutant === undefined) return [];
  return [
    {
      name: `holdfast-mutant-${mutant.name}`,
      enforce: "pre",
      transform(code, id) {
        const path = id.split("?")[0] ?? id;
        return isPatched(mutant, path) ? { code: patched(mutant, path, code), map: null } : undefined;
      },
    },
  ];
}

/** For esbuild. */
export function esbuildPlugins(): EsbuildPlugin[] {
  const mutant = mutantAsked();
  if (mutant === undefined) return [];
  return [
    {
      name: `holdfast-mutant-${mutant.name}`,
      setup({ onLoad }) {
        onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) =>
          isPatched(mutant, path)
            ? { contents: patched(mutant, path, readFileSync(path, "utf8")), loader: "ts" }
            : undefined,
        );
      },
    },
  ];
}
