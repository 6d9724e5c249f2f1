/** Bundles the query page (GraphiQL with its editor's workers) into one folder of files that name no other origin. */

import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { type BuildOptions, build, type Metafile } from "esbuild";

const shared: BuildOptions = {
  bundle: true,
  minify: true,
  metafile: true,
  legalComments: "none",
  logLevel: "warning",
  define: { "process.env.NODE_ENV": '"production"' },
};

/** The editor's workers; the page starts them by these names. */
const workers = {
  "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
  "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
  "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
};

/** Writes the bundle and `bundle.json`, which `src/http/query-page.ts` reads. */
export async function bundleQueryPage(folder: string): Promise<void> {
  const [page, work] = await Promise.all([
    build({
      ...shared,
      entryPoints: { page: "src/http/graphiql/page.js" },
      format: "esm",
      splitting: true,
      outdir: folder,
      entryNames: "[name]-[hash]",
      chunkNames: "[name]-[hash]",
      assetNames: "[name]-[hash]",
      loader: { ".ttf": "file" },
    }),
    build({ ...shared, entryPoints: workers, format: "iife", outdir: folder }),
  ]);
  const files = [...namesOf(page.metafile), ...namesOf(work.metafile)];
  const entry = (extension: string): string | undefined =>
    files.find((name) => name.startsWith("page-") && name.endsWith(extension));
  await writeFile(
    `${folder}/bundle.json`,
    JSON.stringify({ script: entry(".js"), style: entry(".css"), files }),
  );
}

function namesOf(metafile: Metafile | undefined): string[] {
  return Object.keys(metafile?.outputs ?? {}).map((path) => basename(path));
}
