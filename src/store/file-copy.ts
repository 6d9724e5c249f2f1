/** The bytes of one file into another, within one file system. */

import type { FileHandle } from "node:fs/promises";

const chunkBytes = 1 << 20;

/** Fills a new file from an open one. @throws what the signal was aborted with. */
export async function fillFrom(
  source: FileHandle,
  target: { readonly handle: FileHandle },
  signal: AbortSignal | undefined,
): Promise<void> {
  const bytes = Buffer.allocUnsafeSlow(chunkBytes);
  for (let at = 0; ; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await source.read(bytes, 0, chunkBytes, at);
    if (bytesRead === 0) return;
    for (let done = 0; done < bytesRead; ) {
      done += (await target.handle.write(bytes, done, bytesRead - done)).bytesWritten;
    }
    at += bytesRead;
  }
}
