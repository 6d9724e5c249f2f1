/** Servers that give files, and servers that do what no server should: real sockets on loopback. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { afterAll } from "vitest";

/** What a server does with a connection once the head of a request is in. */
export type Reply = (socket: Socket | TLSSocket, head: string) => void | Promise<void>;

/** A server that listens on loopback until the test file is done. */
export interface Listening {
  readonly port: number;
  /** Heads of the requests that came. */
  readonly heads: string[];
  /** Connections that were opened. */
  connections(): number;
  /** Connections that are open now. */
  open(): number;
}

/** Starts a server that answers each request with `reply`. With `tls` it speaks TLS. */
export async function serve(
  reply: Reply,
  { tls, host = "127.0.0.1" }: { readonly tls?: Certificate; readonly host?: string } = {},
): Promise<Listening> {
  const sockets = new Set<Socket>();
  const heads: string[] = [];
  let connections = 0;
  const take = (socket: Socket): void => {
    let head = "";
    const read = (piece: Buffer): void => {
      head += piece.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      heads.push(head);
      const asked = head;
      head = "";
      void reply(socket, asked);
    };
    socket.on("data", read);
    socket.on("error", () => undefined);
  };
  const server = tls === undefined ? createServer(take) : createTlsServer(tls, take);
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((done) => server.listen(0, host, done));
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  const { port } = server.address() as AddressInfo;
  return { port, heads, connections: () => connections, open: () => sockets.size };
}

/** Answers with a head and a body, then ends the connection. */
export function answering(
  body: string | Uint8Array,
  headers: readonly string[] = [],
  status = "200 OK",
): Reply {
  const bytes = Buffer.from(body);
  const lines = headers.some((line) => /^(content-length|transfer-encoding):/i.test(line))
    ? headers
    : [`Content-Length: ${bytes.length}`, ...headers];
  return (socket) => {
    socket.write(`HTTP/1.1 ${status}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`);
    socket.end(bytes);
  };
}

/** Answers with a redirect. */
export function redirecting(location: string, status = "302 Found"): Reply {
  return answering("", [`Location: ${location}`], status);
}

/** Sends a head, then `piece` for ever, as fast as it is taken, or every `everyMs`. Answers what was sent. */
export function endless(piece: Uint8Array, everyMs?: number): Reply & { sent: number } {
  const reply: Reply & { sent: number } = (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const chunk = Buffer.concat([
      Buffer.from(`${piece.length.toString(16)}\r\n`),
      piece,
      Buffer.from("\r\n"),
    ]);
    const go = (): void => {
      if (socket.destroyed) return;
      reply.sent += piece.length;
      const isTaken = socket.write(chunk);
      if (everyMs !== undefined) setTimeout(go, everyMs);
      else if (isTaken) setImmediate(go);
      else socket.once("drain", go);
    };
    go();
  };
  reply.sent = 0;
  return reply;
}

/** A key and a certificate, in PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A certificate authority of this test run, made by openssl. */
export interface Authority {
  readonly ca: string;
  /** A certificate for one name; `days` below zero has run out. */
  certificate(name: string, days?: number): Certificate;
}

/** Makes an authority in a temporary folder, which goes with the test file. */
export function makeAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-ca-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...ec, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test CA");
  let made = 0;
  return {
    ca: readFileSync(join(folder, "ca.pem"), "utf8"),
    certificate(name, days = 2) {
      const base = `leaf${++made}`;
      writeFileSync(join(folder, `${base}.ext`), `subjectAltName=DNS:${name}\n`);
      openssl("req", ...ec, "-keyout", `${base}.key`, "-out", `${base}.csr`, "-subj", `/CN=${name}`);
      openssl(
        ...["x509", "-req", "-in", `${base}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
        ...["-days", String(days), "-out", `${base}.pem`, "-extfile", `${base}.ext`],
      );
      const read = (ending: string) => readFileSync(join(folder, `${base}.${ending}`), "utf8");
      return { key: read("key"), cert: read("pem") };
    },
  };
}
