/**
 * Server-sent events on the GraphQL endpoints, in the "distinct connections mode": one operation a request, results as events `next`, then `complete`.
 * Ours and not graphql-sse's, whose server puts results into a queue without a bound and writes no event ids, by which a browser's
 * EventSource resumes by itself. Its client is used in the tests.
 * @source https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
 * @source https://html.spec.whatwg.org/multipage/server-sent-events.html
 */

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { StreamFailure } from "../../api/live/live.ts";
import { clientGone } from "../client-gone.ts";
import { errorAnswer } from "../error-reply.ts";
import type { GraphqlMount } from "../graphql-route.ts";
import type { HostGuard } from "../host-guard.ts";
import type { LiveConnection, LiveConnections } from "./connections.ts";
import { checkOrigin } from "./origin.ts";
import { bodyOf, type Outcome, runOperation } from "./run-operation.ts";

/** What event streams stand on. */
export interface EventStreamParts {
  readonly hosts: HostGuard;
  readonly connections: LiveConnections;
  readonly mount: Pick<GraphqlMount, "use">;
  baseUrl(request: FastifyRequest): string;
}

/** Whether the client asks for events. Who takes JSON as well gets that: clients name every type that they know with every query. */
export function wantsEvents(request: FastifyRequest): boolean {
  const accepts = request.headers.accept ?? "";
  return /(^|[,\s])text\/event-stream/i.test(accepts) && !/json/i.test(accepts);
}

/** Answers one request with events, until its stream or its client ends. */
export async function answerEvents(
  parts: EventStreamParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { connections, mount } = parts;
  checkOrigin(parts.hosts, request.headers.origin);
  connections.check();
  const isGet = request.method === "GET";
  const body = isGet ? bodyOf(request.raw.url ?? "") : request.body;
  const last = request.headers["last-event-id"];
  const after = typeof last === "string" && last !== "" ? last : undefined;
  const { principal } = request;
  const context = {
    principal,
    baseUrl: parts.baseUrl(request),
    signal: clientGone(request, reply),
    after,
    isGet,
  };
  const outcome = await mount.use((server) => runOperation(server, body, context));
  reply.hijack();
  await new EventStream(request, reply, parts).run(outcome);
  return reply;
}

/** One response that streams. */
class EventStream implements LiveConnection {
  readonly authorization: string | undefined;
  readonly isKnown = true;
  readonly mount: LiveConnection["mount"];
  readonly #response: ServerResponse;
  readonly #connections: LiveConnections;
  #end: (() => void) | undefined;

  constructor(
    request: FastifyRequest,
    reply: FastifyReply,
    { connections, mount }: Pick<EventStreamParts, "connections" | "mount">,
  ) {
    this.mount = mount;
    this.authorization = request.headers.authorization;
    this.#response = reply.raw;
    this.#connections = connections;
    reply.raw.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-request-id": request.id,
      "x-content-type-options": "nosniff",
    });
  }

  async run(outcome: Outcome): Promise<void> {
    const response = this.#response;
    const ping = setInterval(() => {
      if (!response.writableNeedDrain) response.write(":\n\n");
    }, this.#connections.limits.pingMs);
    this.#connections.add(this);
    try {
      // A line at once: some browsers wait for the first byte of the body.
      response.write(":\n\n");
      if (outcome.kind === "stream") await this.#follow(outcome);
      else await this.#next(outcome.text);
      // Without this event the client knows that it was cut off, and comes again.
      if (this.#end === undefined || outcome.kind !== "stream") response.write("event: complete\ndata:\n\n");
    } finally {
      clearInterval(ping);
      this.#connections.remove(this);
      response.end();
    }
  }

  renew(): void {
    // The rights of a stream are those it was begun with; what could be taken away is the token.
  }

  refuse(error: unknown): void {
    const { errors } = errorAnswer(error, "stream").body;
    this.#response.write(eventText(JSON.stringify({ errors })));
    this.#response.write("event: complete\ndata:\n\n");
    this.goAway();
  }

  changeOver(): void {
    this.goAway();
  }

  goAway(): void {
    this.#end?.();
  }

  destroy(): void {
    this.#response.destroy();
  }

  async #follow({ stream }: Outcome & { readonly kind: "stream" }): Promise<void> {
    const response = this.#response;
    let isCut = false;
    const cut = (): void => {
      isCut = true;
      void stream.return?.();
    };
    this.#end = cut;
    response.once("close", cut);
    if (response.destroyed) cut();
    try {
      for await (const { cursor, ...result } of stream) {
        if (isCut) break;
        await this.#next(JSON.stringify(result), cursor);
      }
      if (!isCut) this.#end = undefined;
    } catch (error) {
      const errors = error instanceof StreamFailure ? error.errors : errorAnswer(error, "stream").body.errors;
      await this.#next(JSON.stringify({ errors }));
      this.#end = undefined;
    } finally {
      response.off("close", cut);
    }
  }

  /** Waits until the client takes more: that is what makes a slow client's stream wait. */
  async #next(text: string, id?: string): Promise<void> {
    const response = this.#response;
    if (response.destroyed || response.write(eventText(text, id))) return;
    const gone = new AbortController();
    const close = (): void => gone.abort();
    response.once("close", close);
    await once(response, "drain", { signal: gone.signal }).catch(() => undefined);
    response.off("close", close);
  }
}

function eventText(json: string, id?: string): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: next\ndata: ${json}\n\n`;
}
