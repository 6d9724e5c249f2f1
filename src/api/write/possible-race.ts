import { isServiceError, ServiceError } from "../../errors.ts";

/**
 * A unique that refused a row under a rule that would rather update it. PostgreSQL takes only the key's index as a sign that the row exists:
 * when two requests create one row at the same time, the later one may meet another unique first. Tried again, it finds the row;
 * when it is refused in the same words, another row has the value.
 */
export class PossibleRace extends ServiceError {}

/** The error as a {@link PossibleRace} where it may be one, else as it is. */
export function possibleRace(error: unknown): unknown {
  if (!isServiceError(error, "CONSTRAINT_VIOLATION") || error.details["kind"] !== "unique") return error;
  return new PossibleRace(error.code, error.message, { details: error.details, cause: error.cause });
}
