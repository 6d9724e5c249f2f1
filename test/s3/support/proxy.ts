/** A real HTTP proxy before an S3 server that does what networks and servers do on bad days. */

import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  request as send,
} from "node:http";
import { buffer } from "node:stream/consumers";

export type Fault =
  /** Answers by itself; the server never hears of the request. */
  | { readonly kind: "status"; readonly status: number; readonly code?: string }
  /** Breaks the connection before the server hears of the request. */
  | { readonly kind: "reset" }
  /** Never answers, and the server never hears of the request. */
  | { readonly kind: "silence" }
  /** The server does it; the answer gets lost. */
  | { readonly kind: "lostReply" }
  /** Half of the answer's body, or that part of it, then the connection breaks. */
  | { readonly kind: "truncate"; readonly part?: number }
  /** Half of the answer's body, then nothing. */
  | { readonly kind: "stall" }
  /** Half of the answer's body, announced as if it were all. */
  | { readonly kind: "short" }
  | { readonly kind: "rewrite"; readonly body: (text: string) => string };

export interface Seen {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface FaultProxy {
  readonly endpoint: string;
  /** What happens to a request; nothing when it answers `undefined`. */
  rule: (request: Seen) => Fault | undefined;
  readonly seen: Seen[];
  /** Requests that are neither answered nor given up by the client. */
  readonly open: number;
  close(): Promise<void>;
}

export async function startProxy(target: string): Promise<FaultProxy> {
  const seen: Seen[] = [];
  let open = 0;
  const server = createServer((request, response) => {
    const what = { method: request.method ?? "", url: request.url ?? "", headers: request.headers };
    seen.push(what);
    open += 1;
    response.once("close", () => {
      open -= 1;
    });
    serve(target, proxy.rule(what), { request, response }).catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  // Clients that were stopped for a while find their connections as they were.
  server.keepAliveTimeout = 60_000;
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  const proxy: FaultProxy = {
    endpoint: `http://127.0.0.1:${address.port}`,
    rule: () => undefined,
    seen,
    get open() {
      return open;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function serve(target: string, fault: Fault | undefined, exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  if (fault?.kind === "reset") return void request.socket.destroy();
  const body = await buffer(request);
  if (fault?.kind === "silence") return;
  if (fault?.kind === "status") {
    const told =
      fault.code === undefined ? "" : `<Error><Code>${fault.code}</Code><Message>no</Message></Error>`;
    return void response.writeHead(fault.status, { "content-length": told.length }).end(told);
  }
  const answer = await forward(target, request, body);
  if (fault?.kind === "lostReply") return void request.socket.destroy();
  const headers = { ...answer.headers };
  const half = answer.body.subarray(
    0,
    Math.floor(answer.body.length * (fault?.kind === "truncate" ? (fault.part ?? 0.5) : 0.5)),
  );
  if (fault?.kind === "truncate" || fault?.kind === "stall") {
    response.writeHead(answer.status, headers).flushHeaders();
    if (half.length > 0) await new Promise((resolve) => response.write(half, resolve));
    if (fault.kind === "truncate") response.destroy();
    return;
  }
  const told = fault?.kind === "rewrite" ? Buffer.from(fault.body(answer.body.toString())) : answer.body;
  const sent = fault?.kind === "short" ? half : told;
  if (request.method !== "HEAD" && headers["content-length"] !== undefined)
    headers["content-length"] = `${sent.length}`;
  response.writeHead(answer.status, headers).end(sent);
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** With the host that the client signed. */
function forward(
  target: string,
  { method = "", url = "", headers }: IncomingMessage,
  body: Buffer,
): Promise<Reply> {
  const { hostname, port } = new URL(target);
  return new Promise((resolve, reject) => {
    const out = send({ hostname, port, path: url, method, headers }, (answer) => {
      buffer(answer).then(
        (bytes) => resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: bytes }),
        reject,
      );
    });
    out.on("error", reject);
    out.end(body);
  });
}
