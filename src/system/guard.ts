/** Rights on the system API: reading needs READ, uploads WRITE, everything that changes the service ADMIN. */

import { ServiceError } from "../errors.ts";
import type { SystemContext } from "./services.ts";

/** @throws {FORBIDDEN} naming the right that is missing. */
export function requireRight(context: SystemContext, right: "READ" | "WRITE" | "ADMIN"): void {
  if (context.principal.rights.has(right)) return;
  throw new ServiceError(
    "FORBIDDEN",
    `This needs a token with ${right}; ${context.principal.name} has none.`,
    {
      details: { remedy: `Make one with: holdfast token create --right ${right}` },
    },
  );
}
