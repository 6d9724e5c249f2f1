/** The last entry of a backup file and what follows it, byte for byte: what a reader compares the file's end with. */

import { createHash } from "node:crypto";
import { pack } from "tar-stream";
import { type BackupEnd, endName } from "./format.ts";

/** The same with a digest of all that it says: of itself nothing else would tell that a number has changed. */
export function signed(end: Omit<BackupEnd, "own">): BackupEnd {
  return { ...end, own: createHash("sha256").update(JSON.stringify(end)).digest("hex") };
}

/** Entry `end.json` and the end mark of the archive. */
export async function tailOf(end: BackupEnd): Promise<Buffer> {
  const tail = pack();
  tail.entry({ name: endName, mode: 0o600, mtime: new Date(0) }, `${JSON.stringify(end, null, 1)}\n`);
  tail.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tail as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
