/** The Apollo plugin that holds the rights of a token against the kind of operation. */

import type { ApolloServerPlugin } from "@apollo/server";
import { errorTable, isServiceError } from "../errors.ts";
import { requireRight } from "./caller.ts";
import type { Principal, Right } from "./tokens.ts";

/**
 * Refuses operations that the caller's token does not allow, before anything runs. Each API server must be made with it:
 * `rightsPlugin("WRITE")` for the entity API, `rightsPlugin("ADMIN")` for the system API.
 */
export function rightsPlugin(mutation: Right): ApolloServerPlugin<{ readonly principal: Principal }> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ operation, contextValue }) {
          hold(contextValue.principal, operation?.operation === "mutation" ? mutation : "READ");
        },
      };
    },
  };
}

/** Apollo reads code and status from an error's `extensions`. */
function hold(principal: Principal, right: Right): void {
  try {
    requireRight(principal, right);
  } catch (error) {
    if (!isServiceError(error)) throw error;
    const { httpStatus, retryable } = errorTable[error.code];
    const extensions = { code: error.code, retryable, ...error.details, http: { status: httpStatus } };
    throw Object.assign(error, { extensions });
  }
}
