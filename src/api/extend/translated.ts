/** Errors of an extension on their way into answers. */

import { ServiceError } from "../../errors.ts";
import { isRefusal, refusalDetails } from "../../extend/contract.ts";

/** What a function of an extension throws, as the API tells it: refusals are for the caller, everything unforeseen is masked later. */
export function translated(error: unknown): Error {
  if (!isRefusal(error))
    return error instanceof Error ? error : new Error(`An extension threw ${String(error)}.`);
  const { field, remedy } = refusalDetails(error);
  return new ServiceError("BAD_USER_INPUT", error.message, {
    details: { ...(field === undefined ? {} : { field }), ...(remedy === undefined ? {} : { remedy }) },
    cause: error,
  });
}
