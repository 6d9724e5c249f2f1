/** One WebSocket: who it is, what it runs, and when it ends. */

import type { WebSocket } from "ws";
import { parseExact } from "../../api/json-text.ts";
import { StreamFailure } from "../../api/live/live.ts";
import { isServiceError, ServiceError } from "../../errors.ts";
import { errorAnswer } from "../error-reply.ts";
import type { GraphqlMount } from "../graphql-route.ts";
import { limitSettings } from "../limits.ts";
import type { Principal } from "../tokens.ts";
import type { LiveConnection, LiveConnections } from "./connections.ts";
import { runOperation } from "./run-operation.ts";

/** What a socket stands on. */
export interface SocketConnectionParts {
  readonly connections: LiveConnections;
  readonly mount: Pick<GraphqlMount, "use">;
  readonly baseUrl: string;
  /** Of the upgrade; a token in the first message stands before it. */
  readonly authorization: string | undefined;
}

/** What graphql-ws answers with: a stream, or one result. */
export type SocketAnswer =
  | { readonly isStream: true; readonly answer: AsyncIterableIterator<unknown> }
  | { readonly isStream: false; readonly answer: unknown };

/** Close codes. @source https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md (44xx), RFC 6455 §7.4.1, IANA (1012: service restart) */
const codes = { goingAway: 1001, changeOver: 1012, unauthorized: 4401, forbidden: 4403 } as const;

/** A socket's state. */
export class SocketConnection implements LiveConnection {
  authorization: string | undefined;
  readonly #socket: WebSocket;
  readonly #parts: SocketConnectionParts;
  readonly #gone = new AbortController();
  readonly #ping: NodeJS.Timeout;
  #principal: Principal | undefined;
  #streams = 0;
  #singles = 0;
  #isStale = false;

  constructor(socket: WebSocket, parts: SocketConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.authorization = parts.authorization;
    let answered = true;
    socket.on("pong", () => {
      answered = true;
    });
    this.#ping = setInterval(() => {
      if (!answered) socket.terminate();
      answered = false;
      if (socket.readyState === socket.OPEN) socket.ping();
    }, parts.connections.limits.pingMs);
  }

  get mount(): LiveConnection["mount"] {
    return this.#parts.mount;
  }

  get isKnown(): boolean {
    return this.#principal !== undefined;
  }

  /** The first message. Answers whether the client may stay. */
  async begin(said: Readonly<Record<string, unknown>>): Promise<boolean> {
    this.authorization = authorizationIn(said) ?? this.authorization;
    const { authorization } = this;
    try {
      this.#principal = await this.#parts.connections.identify(
        authorization === undefined ? {} : { authorization },
      );
      return true;
    } catch (error) {
      this.refuse(error);
      return false;
    }
  }

  /** Runs an operation of the socket; `open` are those that it has, this one with them. A refusal is a stream that fails at once. */
  async run(payload: object, open: number): Promise<SocketAnswer> {
    const principal = this.#principal;
    const { mount, baseUrl, connections } = this.#parts;
    const { socketOperations } = connections.limits;
    const signal = this.#gone.signal;
    this.#singles += 1;
    try {
      if (principal === undefined) throw new ServiceError("UNAUTHENTICATED", "The connection is not begun.");
      if (open > socketOperations) throw tooMany(socketOperations);
      const context = { principal, baseUrl, signal };
      const outcome = await mount.use((server) => runOperation(server, payload, context));
      if (outcome.kind === "stream") return { answer: this.#counted(outcome.stream), isStream: true };
      // What stringifyResult wrote.
      const result = parseExact(outcome.text) as {
        readonly errors?: ConstructorParameters<typeof StreamFailure>[0];
      };
      if (!outcome.refused) return { answer: result, isStream: false };
      return failing(new StreamFailure(result.errors ?? [], undefined));
    } catch (error) {
      return failing(new StreamFailure(errorAnswer(error, "socket").body.errors as never, error)); // as: extensions are a plain object
    } finally {
      this.#singles -= 1;
      this.#endStale();
    }
  }

  renew(principal: Principal): void {
    this.#principal = principal;
  }

  refuse(error: unknown): void {
    const isForbidden = isServiceError(error, "FORBIDDEN");
    const reason = isServiceError(error) ? error.message : "Unauthorized";
    this.#socket.close(isForbidden ? codes.forbidden : codes.unauthorized, reason.slice(0, 120));
  }

  changeOver(): void {
    this.#isStale = this.#streams > 0;
    this.#endStale();
  }

  goAway(): void {
    this.#socket.close(codes.goingAway, "The server is going away; connect again.");
  }

  destroy(): void {
    this.#socket.terminate();
  }

  /** Called when the socket is closed. */
  stop(): void {
    clearInterval(this.#ping);
    this.#gone.abort(new Error("The client has gone."));
  }

  /** What runs on the new schema already is let finish. */
  #endStale(): void {
    if (!this.#isStale || this.#singles > 0) return;
    this.#socket.close(codes.changeOver, "The schema has changed; connect again.");
  }

  #counted<T>(stream: AsyncIterableIterator<T>): AsyncIterableIterator<T> {
    let counts = 1;
    this.#streams += 1;
    const leave = (): void => {
      this.#streams -= counts;
      counts = 0;
    };
    const end = async (): Promise<IteratorResult<T>> => {
      leave();
      await stream.return?.();
      return { done: true, value: undefined };
    };
    return {
      next: async () => {
        try {
          const taken = await stream.next();
          if (taken.done === true) leave();
          return taken;
        } catch (error) {
          leave();
          throw error;
        }
      },
      return: end,
      throw: end,
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

function failing(failure: StreamFailure): SocketAnswer {
  const answer: AsyncIterableIterator<unknown> = {
    next: () => Promise.reject(failure),
    return: async () => ({ done: true, value: undefined }),
    [Symbol.asyncIterator]() {
      return answer;
    },
  };
  return { answer, isStream: true };
}

/** `{"Authorization": "Bearer …"}`, in any case, or the same in `headers`, as query pages send it. */
function authorizationIn(said: Readonly<Record<string, unknown>>): string | undefined {
  const within = said["headers"];
  const places = [said, ...(typeof within === "object" && within !== null ? [within] : [])];
  for (const place of places)
    for (const [name, value] of Object.entries(place))
      if (/^authorization$/i.test(name) && typeof value === "string") return value;
  return undefined;
}

function tooMany(limit: number): ServiceError {
  const setting = limitSettings.socketOperations;
  return new ServiceError(
    "LIMIT_EXCEEDED",
    `The connection runs more than ${limit} operations at a time (${setting}).`,
    {
      details: {
        limit,
        setting,
        remedy: `Complete some, open another connection, or raise ${setting} at the server.`,
      },
    },
  );
}
