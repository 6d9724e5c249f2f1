/** WebSockets on the GraphQL endpoints: the protocol `graphql-transport-ws`, spoken by graphql-ws; every operation works, not only subscriptions. */

import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { handleProtocols, makeServer, type Server } from "graphql-ws";
import type { Logger } from "pino";
import { type WebSocket, WebSocketServer } from "ws";
import { carrying, shownErrors, shownResult } from "../../api/live/socket-arguments.ts";
import { badRequest, errorAnswer } from "../error-reply.ts";
import type { GraphqlMount } from "../graphql-route.ts";
import type { HostGuard, HostName } from "../host-guard.ts";
import type { LiveConnections } from "./connections.ts";
import { checkOrigin } from "./origin.ts";
import { SocketConnection } from "./socket-connection.ts";

/** What sockets stand on. */
export interface SocketParts {
  readonly hosts: HostGuard;
  readonly connections: LiveConnections;
  /** Endpoints by their paths. */
  readonly mounts: ReadonlyMap<string, Pick<GraphqlMount, "use">>;
  readonly logger: Logger;
  baseUrl(host: HostName): string;
}

/** Answers an `upgrade` of Node's server. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Whether the request asks for a WebSocket, and not for another protocol. */
export function isWebSocket({ headers }: IncomingMessage): boolean {
  return /^websocket$/i.test(headers.upgrade ?? "");
}

/** Makes the endpoint. */
export function createSockets(parts: SocketParts): Upgrade {
  const { limits } = parts.connections;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.bodyBytes,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: (protocols) => handleProtocols(protocols),
  });
  const protocol = protocolServer(limits.initMs);
  return (request, socket, head) => {
    // Until ws takes the socket over, its faults are nobody's.
    const ignore = (): void => undefined;
    socket.on("error", ignore);
    admit(parts, request)
      .then((admitted) => {
        sockets.handleUpgrade(request, socket, head, (accepted) => {
          socket.off("error", ignore);
          open(parts, protocol, { accepted, request, ...admitted });
        });
      })
      .catch((error: unknown) => refuse(socket, error));
  };
}

interface Admitted {
  readonly mount: Pick<GraphqlMount, "use">;
  readonly baseUrl: string;
}

/** @throws ServiceError when the caller, its host or its page may not, or there are too many. */
async function admit(
  { hosts, connections, mounts, baseUrl }: SocketParts,
  request: IncomingMessage,
): Promise<Admitted> {
  if (!isWebSocket(request)) throw badRequest("This server upgrades connections to websocket only.");
  if ((request.headersDistinct["host"]?.length ?? 0) > 1)
    throw badRequest("The request has more than one Host header.");
  const host = hosts.check(request.headers.host);
  checkOrigin(hosts, request.headers.origin);
  const mount = mounts.get(request.url?.split("?", 1)[0] ?? "");
  if (mount === undefined) throw badRequest(`WebSockets are at ${[...mounts.keys()].join(" and ")}.`, 404);
  connections.check();
  // Browsers cannot send the header: they say who they are in the first message.
  if (request.headers.authorization !== undefined) await connections.identify(request.headers);
  return { mount, baseUrl: baseUrl(host) };
}

function refuse(socket: Duplex, error: unknown): void {
  const { status, body } = errorAnswer(error, "upgrade");
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(text)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`);
}

function protocolServer(initMs: number): Server<SocketConnection> {
  return makeServer<Record<string, unknown> | undefined, SocketConnection>({
    connectionInitWaitTimeout: initMs,
    onConnect: ({ extra, connectionParams }) => extra.begin(connectionParams ?? {}),
    onSubscribe: async ({ extra, subscriptions }, id, payload) => {
      const { answer, isStream } = await extra.run(payload, Object.keys(subscriptions).length);
      // The client may have gone on while the operation was begun.
      if (isStream && !(id in subscriptions)) await answer.return?.();
      return carrying(answer, isStream);
    },
    execute: ({ contextValue }) => contextValue as never, // as: what onSubscribe has put there
    subscribe: ({ contextValue }) => contextValue as never, // as above
    onNext: (_context, _id, _payload, _args, result) => shownResult(result),
    onError: (_context, _id, _payload, errors) => shownErrors(errors),
  });
}

function open(
  parts: SocketParts,
  protocol: Server<SocketConnection>,
  {
    accepted,
    request,
    mount,
    baseUrl,
  }: Admitted & { readonly accepted: WebSocket; readonly request: IncomingMessage },
): void {
  const { connections, logger } = parts;
  const connection = new SocketConnection(accepted, {
    connections,
    mount,
    baseUrl,
    authorization: request.headers.authorization,
  });
  accepted.on("error", (err) => logger.debug({ err }, "a WebSocket has failed"));
  connections.add(connection);
  const closed = protocol.opened(
    {
      protocol: accepted.protocol,
      // Answered when the bytes are on their way: that is what makes a slow client's stream wait.
      send: (text) =>
        new Promise((resolve) => {
          accepted.send(text, () => resolve());
        }),
      close: (code, reason) => accepted.close(code, reason),
      onMessage: (take) =>
        accepted.on("message", (message) => {
          take(String(message)).catch((err: unknown) => {
            logger.error({ err }, "a WebSocket message met something unforeseen");
            accepted.close(4500, "Something unforeseen");
          });
        }),
    },
    connection,
  );
  accepted.once("close", (code, reason) => {
    connection.stop();
    connections.remove(connection);
    closed(code, String(reason)).catch((err: unknown) => logger.error({ err }, "closing a WebSocket"));
  });
}
