/** One operation whose client can take many results, through the same server, limits and policies as any other. */

import { HeaderMap } from "@apollo/server";
import type { LiveSlot, ResultStream } from "../../api/write/contract.ts";
import { badRequest } from "../error-reply.ts";
import type { GraphqlServer, RequestContext } from "../graphql-route.ts";

/** What an operation led to. */
export type Outcome =
  | { readonly kind: "stream"; readonly stream: ResultStream }
  /** JSON text of one result; `refused` where the operation did not run at all. */
  | { readonly kind: "result"; readonly text: string; readonly refused: boolean };

/** Runs an operation, given as the body of a POST. */
export async function runOperation(
  server: GraphqlServer,
  body: unknown,
  { after, isGet, ...context }: Omit<RequestContext, "live"> & Pick<LiveSlot, "after" | "isGet">,
): Promise<Outcome> {
  const headers = new HeaderMap([["content-type", "application/json"]]);
  const live: LiveSlot = { after, isGet };
  const answer = await server.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method: "POST", headers, search: "", body },
    context: async () => ({ ...context, live }),
  });
  if (live.stream !== undefined) return { kind: "stream", stream: live.stream };
  // Incremental delivery is not offered, so the body is always whole.
  const text = answer.body.kind === "complete" ? answer.body.string.trim() : "{}";
  return { kind: "result", text, refused: !/"data":/.test(text) };
}

/** What a GET says in its URL, as the body of a POST. @throws {BAD_REQUEST} for variables or extensions that are no JSON. */
export function bodyOf(url: string): Readonly<Record<string, unknown>> {
  const start = url.indexOf("?");
  const given = new URLSearchParams(start < 0 ? "" : url.slice(start));
  const isJson = (name: string): boolean => name === "variables" || name === "extensions";
  return Object.fromEntries(
    [...given].map(([name, text]) => [name, isJson(name) ? parsed(name, text) : text]),
  );
}

function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest(`${name} in the URL is no JSON.`);
  }
}
