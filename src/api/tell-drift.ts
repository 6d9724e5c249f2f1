/** Statements of the entity API name only what the model has: what PostgreSQL misses has not been applied, or somebody took it away. */

import { isServiceError, ServiceError } from "../errors.ts";

/** `undefined_table` and `undefined_column`. */
const missing = new Set<unknown>(["42P01", "42703"]);

/** The error to tell instead of one about a table or column that the database lacks; any other error as it is. */
export function tellDrift(error: unknown): unknown {
  if (!isServiceError(error, "INTERNAL_SERVER_ERROR") || !missing.has(error.details["sqlstate"]))
    return error;
  const said = error.cause instanceof Error ? error.cause.message.slice(0, 200) : "a table or column";
  return new ServiceError("SCHEMA_DRIFT", `The database lacks what the schema file describes: ${said}.`, {
    details: { remedy: "Look at: holdfast drift, then make it so with: holdfast apply" },
    cause: error,
  });
}
