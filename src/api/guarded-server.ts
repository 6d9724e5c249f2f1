/** Apollo Server behind a guard: which document a request means, and whether it may be parsed, is settled before Apollo sees it. */

import { ApolloServer, HeaderMap, type HTTPGraphQLRequest, type HTTPGraphQLResponse } from "@apollo/server";
import { LRUCache } from "lru-cache";
import { isServiceError } from "../errors.ts";
import { guardDocument } from "./document-guard.ts";
import { graphqlError } from "./graphql-error.ts";
import type { KnownQueries, PlainRequest } from "./known-queries.ts";
import type { ApiLimits } from "./limits.ts";
import {
  checkPersisted,
  type DocumentPolicy,
  type DocumentRequest,
  documentIdOf,
  documentOf,
} from "./trusted-documents.ts";
import type { WriteContext } from "./write/contract.ts";

type Options = ConstructorParameters<typeof ApolloServer<WriteContext>>[0];

/** What the guard goes by. */
export interface Guard {
  readonly limits: ApiLimits;
  readonly documents: DocumentPolicy;
  readonly known: KnownQueries;
}

/** Apollo Server that looks at a document before it is parsed: parsing and validating are recursive, and validating can be slow. */
export class GuardedServer extends ApolloServer<WriteContext> {
  readonly #guard: Guard;

  constructor(guard: Guard, options: Options) {
    const { apq, introspection } = guard.documents;
    super({
      ...options,
      introspection,
      persistedQueries: apq ? { cache: documentCache(guard.limits) } : false,
      parseOptions: { maxTokens: guard.limits.maxTokens },
    });
    this.#guard = guard;
  }

  override async executeHTTPGraphQLRequest(
    request: Parameters<ApolloServer<WriteContext>["executeHTTPGraphQLRequest"]>[0],
  ): Promise<HTTPGraphQLResponse> {
    try {
      const httpGraphQLRequest = admit(request.httpGraphQLRequest, this.#guard);
      const response = await super.executeHTTPGraphQLRequest({ ...request, httpGraphQLRequest });
      this.#guard.known.learn(request.httpGraphQLRequest, response);
      return response;
    } catch (error) {
      return refusal(error);
    }
  }

  /** The answer to a request that needs neither guard nor Apollo any more; `undefined` for every other. */
  answerKnown(request: PlainRequest, context: () => WriteContext): Promise<HTTPGraphQLResponse> | undefined {
    return this.#guard.known.answer(request, context);
  }
}

function refusal(error: unknown): HTTPGraphQLResponse {
  const headers = new HeaderMap([["content-type", "application/json; charset=utf-8"]]);
  const string = `${JSON.stringify({ errors: [graphqlError(error)] })}\n`;
  const status = isServiceError(error, "FORBIDDEN") ? 403 : 400;
  return { status, headers, body: { kind: "complete", string } };
}

/** The request as Apollo is to see it: with the text that its id stands for. @throws {LIMIT_EXCEEDED | FORBIDDEN} */
function admit(request: HTTPGraphQLRequest, { limits, documents }: Guard): HTTPGraphQLRequest {
  const asked = request.method === "GET" ? inSearch(request.search) : inBody(request.body);
  if (asked === undefined) return request;
  const found = documentOf(asked, documents);
  const text = found ?? asked.query;
  if (typeof text === "string") guardDocument(text, limits);
  if (found !== undefined) return withDocument(request, { query: found });
  if (documents.apq) checkPersisted(asked);
  const isText = typeof asked.query === "string" && asked.query !== "";
  const id = isText ? undefined : documentIdOf(asked);
  // Apollo has its own answer to an id that is not known here.
  return id === undefined ? request : withDocument(request, { extensions: askedBy(id, asked) });
}

function askedBy(id: string, { extensions }: DocumentRequest): unknown {
  const others = extensions !== null && typeof extensions === "object" ? extensions : {};
  return {
    ...others,
    persistedQuery: { version: 1, sha256Hash: id, ...Reflect.get(others, "persistedQuery") },
  };
}

function inBody(body: unknown): DocumentRequest | undefined {
  return body !== null && typeof body === "object" && !Array.isArray(body) ? body : undefined;
}

function inSearch(search: string): DocumentRequest {
  const given = new URLSearchParams(search);
  const read = (name: string): string | undefined => given.get(name) ?? undefined;
  return {
    query: read("query"),
    documentId: read("documentId"),
    doc_id: read("doc_id"),
    extensions: parsed(read("extensions")),
  };
}

/** What is no JSON is left to Apollo, which refuses it. */
function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return undefined;
  }
}

function withDocument(
  request: HTTPGraphQLRequest,
  part: { readonly query?: string; readonly extensions?: unknown },
): HTTPGraphQLRequest {
  if (request.method !== "GET") {
    const {
      query: _,
      extensions: __,
      documentId: ___,
      doc_id: ____,
      ...rest
    } = inBody(request.body) as Record<string, unknown>;
    return { ...request, body: { ...rest, ...part } };
  }
  const search = new URLSearchParams(request.search);
  for (const name of ["query", "extensions", "documentId", "doc_id"]) search.delete(name);
  if (part.query !== undefined) search.set("query", part.query);
  if (part.extensions !== undefined) search.set("extensions", JSON.stringify(part.extensions));
  return { ...request, search: `?${search.toString()}` };
}

/** Characters of all documents that are kept for APQ. */
const cachedCharacters = 32 * 2 ** 20;

/** Bounded in number and size: anyone may register documents. */
function documentCache({ cachedDocuments }: ApiLimits) {
  const kept = new LRUCache<string, string>({
    max: cachedDocuments,
    maxSize: cachedCharacters,
    sizeCalculation: (text) => Math.max(text.length, 1),
  });
  return {
    get: async (key: string) => kept.get(key),
    set: async (key: string, text: string) => void kept.set(key, text),
    delete: async (key: string) => kept.delete(key),
  };
}
