/** The Apollo plugin that holds the rights of a token against the kind of operation. */

import type { ApolloServerPlugin } from "@apollo/server";
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
          requireRight(contextValue.principal, operation?.operation === "mutation" ? mutation : "READ");
        },
      };
    },
  };
}
