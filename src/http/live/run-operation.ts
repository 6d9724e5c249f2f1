/** One operation whose client can take many results, through the same server, limits and policies as any other. */

import { HeaderMap, type HTTPGraphQLRequest } from "@apollo/server";
import type { LiveStream } from "../../api/live/live.ts";
import type { LiveSlot } from "../../api/write/contract.ts";
import type { GraphqlServer, RequestContext } from "../graphql-route.ts";

/** What an operation led to. */
export type Outcome =
  | { readonly kind: "stream"; readonly stream: LiveStream }
  /** JSON text of one result; `refused` where the operation did not run at all. */
  | { readonly kind: "result"; readonly text: string; readonly refused: boolean };

/** How an operation arrives: as a body, or in a URL. */
export type Arriving = Pick<HTTPGraphQLRequest, "method" | "body" | "search">;

/** Runs an operation. `after` is where the client's stream has stopped, where its transport says so. */
export async function runOperation(
  server: GraphqlServer,
  arriving: Arriving,
  { after, ...context }: Omit<RequestContext, "live"> & { readonly after?: string | undefined },
): Promise<Outcome> {
  // Cross-site requests have been refused by their Origin already; this keeps Apollo from asking for a header.
  const headers = new HeaderMap([
    ["content-type", "application/json"],
    ["apollo-require-preflight", "1"],
  ]);
  const live: LiveSlot = { after };
  const { body } = await server.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { ...arriving, headers },
    context: async () => ({ ...context, live }),
  });
  if (live.stream !== undefined) return { kind: "stream", stream: live.stream };
  // Incremental delivery is not offered, so the body is always whole.
  const text = body.kind === "complete" ? body.string.trim() : "{}";
  return { kind: "result", text, refused: !/"data":/.test(text) };
}
