/**
 * Queries that Apollo has parsed, validated and handed over once: their next requests are answered without its pipeline. What does not depend
 * on the variables was settled the first time, for this schema, these limits and this policy; the rest is done by the same code.
 */

import type { GraphQLResponse, HeaderMap, HTTPGraphQLRequest, HTTPGraphQLResponse } from "@apollo/server";
import { LRUCache } from "lru-cache";
import type { ApiLimits } from "./limits.ts";
import type { AskedOperation } from "./operation-plugin.ts";
import { stringifyResult } from "./raw-json.ts";
import type { WriteContext } from "./write/contract.ts";

/** A request in its parts, before anything is made of them. */
export interface PlainRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

/** Characters of all documents that are kept; parsed they take up to a hundred times as many bytes. */
const keptCharacters = 2 ** 20;
/** Different `Accept` headers whose answers' headers are kept. */
const keptHeads = 100;

type Known = Omit<AskedOperation, "request" | "contextValue">;

/** The known queries of one schema version. */
export class KnownQueries {
  readonly #kept: LRUCache<string, Known>;
  /** Headers of Apollo's own answers, which depend on `Accept` alone. */
  readonly #heads = new LRUCache<string, HeaderMap>({ max: keptHeads });
  readonly #answer: (asked: AskedOperation) => Promise<GraphQLResponse>;

  /** `answer` is what the plugin answers operations with. */
  constructor(limits: ApiLimits, answer: (asked: AskedOperation) => Promise<GraphQLResponse>) {
    this.#answer = answer;
    this.#kept = new LRUCache({
      max: limits.cachedPlans,
      maxSize: keptCharacters,
      sizeCalculation: (known) => Math.max(known.source?.length ?? 0, 1),
    });
  }

  /** Keeps a query that Apollo has handed over. */
  remember({ document, queryHash, source, operation, request }: AskedOperation): void {
    // Absent where no operation has the name asked for, whatever the types say.
    const found: AskedOperation["operation"] | undefined = operation;
    if (found?.operation !== "query" || source === undefined) return;
    this.#kept.set(keyOf(source, request.operationName), { document, queryHash, source, operation });
  }

  /** Keeps the headers that Apollo has given to an answer of a request by POST. */
  learn(
    { method, headers }: HTTPGraphQLRequest,
    { status, headers: given, body }: HTTPGraphQLResponse,
  ): void {
    const accept = headers.get("accept") ?? "";
    if (method !== "POST" || accept.length > 200 || this.#heads.has(accept)) return;
    const isUsual = (status === undefined || status === 200) && body.kind === "complete" && given.size === 2;
    if (isUsual && given.has("content-type") && given.get("cache-control") === "no-store")
      this.#heads.set(accept, given);
  }

  /** The answer to a request for a known query; `undefined` where Apollo is to look at it. `context` is asked for only then. */
  answer(request: PlainRequest, context: () => WriteContext): Promise<HTTPGraphQLResponse> | undefined {
    const { accept, "content-type": type } = request.headers;
    // Every other type might be a form that another site's page sends: Apollo refuses those.
    if (request.method !== "POST" || typeof type !== "string" || !type.startsWith("application/json"))
      return undefined;
    const headers = this.#heads.get(typeof accept === "string" ? accept : "");
    const asked = headers === undefined ? undefined : askedOf(request.body);
    if (headers === undefined || asked === undefined) return undefined;
    const { query, operationName, variables } = asked;
    const known = this.#kept.get(keyOf(query, operationName));
    if (known === undefined) return undefined;
    return this.#run({ ...known, request: { variables, operationName }, contextValue: context() }, headers);
  }

  async #run(asked: AskedOperation, headers: HeaderMap): Promise<HTTPGraphQLResponse> {
    const { body, http } = await this.#answer(asked);
    // Incremental delivery is not offered.
    const string = body.kind === "single" ? stringifyResult(body.singleResult) : "{}";
    return { status: http.status ?? 200, headers, body: { kind: "complete", string } };
  }
}

function keyOf(source: string, operationName: string | undefined): string {
  return operationName === undefined ? source : `${operationName}\n${source}`;
}

interface Asked {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Record<string, unknown> | undefined;
}

/** A body of the plainest form; Apollo has words for every other. */
function askedOf(body: unknown): Asked | undefined {
  if (!isRecord(body)) return undefined;
  const { query, operationName, variables, extensions, documentId, doc_id } = body;
  if (typeof query !== "string" || documentId !== undefined || doc_id !== undefined) return undefined;
  const isNamed = typeof operationName === "string" && operationName !== "";
  if (!isNamed && !isAbsent(operationName)) return undefined;
  if (!isAbsent(variables) && !isRecord(variables)) return undefined;
  if (!isAbsent(extensions) && !(isRecord(extensions) && !extensions["persistedQuery"])) return undefined;
  return {
    query,
    operationName: isNamed ? operationName : undefined,
    variables: isRecord(variables) ? variables : undefined,
  };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
