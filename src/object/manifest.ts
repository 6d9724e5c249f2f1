/** The list of a folder's files that the peer writes beside it, `{path}.manifest.json`. @source DataJoint-Python 2.3 `ObjectCodec`, `StorageBackend.put_folder`. */

import type { TreeEntry } from "../codec/contract.ts";

export interface ManifestFacts {
  readonly sizeBytes: number;
  readonly itemCount: number;
  /** ISO 8601 with `+00:00`. */
  readonly createdAt: string;
}

/** Path of the manifest of the folder at `path`. */
export function manifestPath(path: string): string {
  return `${path}.manifest.json`;
}

/** The manifest's text, byte for byte as Python's `json.dumps(…, indent=2)`; in pieces, because folders may have very many files. */
export async function* manifestBody(
  files: AsyncIterable<TreeEntry>,
  facts: ManifestFacts,
): AsyncGenerator<Uint8Array> {
  let text = '{\n  "files": [';
  let first = true;
  for await (const file of files) {
    text += `${first ? "" : ","}\n    {\n      "path": ${ascii(file.path)},\n      "size": ${file.sizeBytes}\n    }`;
    first = false;
    if (text.length < 65_536) continue;
    yield Buffer.from(text);
    text = "";
  }
  const rest = [
    `"total_size": ${facts.sizeBytes}`,
    `"item_count": ${facts.itemCount}`,
    `"created": ${ascii(facts.createdAt)}`,
  ];
  yield Buffer.from(`${text}${first ? "" : "\n  "}],\n  ${rest.join(",\n  ")}\n}`);
}

/** A JSON string with everything beyond ASCII escaped, unit by unit. */
function ascii(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
