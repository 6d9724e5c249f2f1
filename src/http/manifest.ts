/** The manifest beside a folder: the files that it was written with. @source datajoint-interop §8.2, `object` */

import { isServiceError } from "../errors.ts";
import type { ObjectReaderFactory } from "../object/contract.ts";

/** Larger manifests are not read: whether a file is lost is then unknown. */
const maxManifestBytes = 256 * 2 ** 20;

/** The relative paths in the manifest of a folder; empty when there is none that can be read. */
export async function listedFiles(
  folder: { readonly store: string; readonly path: string },
  parts: { readonly reader: ObjectReaderFactory },
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  try {
    const bytes = await parts.reader.file(folder.store, `${folder.path}.manifest.json`);
    if (bytes.sizeBytes > maxManifestBytes) return new Set();
    return pathsOf(JSON.parse(Buffer.from(await bytes.read(0, bytes.sizeBytes, signal)).toString("utf8")));
  } catch (error) {
    // Folders that a peer staged have no manifest; anything else is the store's trouble and must not pass for an absent file.
    if (isServiceError(error, "OBJECT_MISSING") || error instanceof SyntaxError) return new Set();
    throw error;
  }
}

function pathsOf(manifest: unknown): ReadonlySet<string> {
  const files: unknown =
    typeof manifest === "object" && manifest !== null ? Reflect.get(manifest, "files") : [];
  const entries: readonly unknown[] = Array.isArray(files) ? files : [];
  const paths = entries.map((entry) =>
    typeof entry === "object" && entry !== null ? Reflect.get(entry, "path") : undefined,
  );
  return new Set(paths.filter((path) => typeof path === "string"));
}
