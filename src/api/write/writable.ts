/** The refusal of a service that only reads. */

import { ServiceError } from "../../errors.ts";

/** @throws {FORBIDDEN} with the reason, where there is one. */
export function requireWritable(why: string | undefined): void {
  if (why === undefined) return;
  throw new ServiceError("FORBIDDEN", `The service only reads: ${why}.`, {
    details: { remedy: "See: holdfast start --help" },
  });
}
