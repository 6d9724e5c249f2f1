/** The sections of a store that hold objects and the service's own files. */

import { ServiceError } from "../errors.ts";

/** A reference to a user's file never opens the sections that objects and the service itself live in. @throws {FORBIDDEN} */
export function refuseOwnedSection(
  path: string,
  config: { readonly hashPrefix: string; readonly schemaPrefix: string },
): void {
  const owned = [config.hashPrefix, config.schemaPrefix, "_trash", "_obj"].filter((prefix) => prefix !== "");
  const inside = owned.find((prefix) => path === prefix || path.startsWith(`${prefix}/`));
  if (inside === undefined) return;
  throw new ServiceError(
    "FORBIDDEN",
    `The path ${JSON.stringify(path)} lies in ${inside}/, which holds objects.`,
    { details: { field: "path", value: path } },
  );
}
