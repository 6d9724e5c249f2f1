/** A value to standard output: one answer, as it comes. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { ServiceError } from "../../errors.ts";
import { bodyOf, type DataSource, factsOf } from "./source.ts";

/** What arrives cut or damaged ends in an error; what was written before is written. */
export async function downloadToStdout(source: DataSource, signal: AbortSignal): Promise<void> {
  const response = await source.ask({ signal });
  const { sizeBytes, sha256 } = factsOf(response);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of bodyOf(response, signal)) {
    hash.update(chunk);
    bytes += chunk.length;
    // Standard output stays open: others may still write to it.
    if (!process.stdout.write(chunk)) await once(process.stdout, "drain", { signal });
  }
  const found = hash.digest("hex");
  if (bytes === sizeBytes && (sha256 === undefined || sha256 === found)) return;
  throw new ServiceError(
    "OBJECT_CORRUPT",
    bytes === sizeBytes
      ? `The bytes have SHA-256 ${found}, not ${sha256}.`
      : `${bytes} of ${sizeBytes} bytes arrived.`,
    { details: { remedy: "Do not use what was written; try again." } },
  );
}
