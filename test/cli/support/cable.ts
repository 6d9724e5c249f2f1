/** A way to a server that can be cut and mended, or stop giving, as a network can. */

import { createServer, connect as dial, type Socket } from "node:net";

export interface Cable {
  /** The URL, through the cable. */
  readonly url: string;
  /** Ends all connections and refuses new ones. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** Bytes that came from the server so far. */
  received(): number;
  /** Bytes that went to the server so far. */
  sent(): number;
  /** After so many bytes from the server in all nothing comes any more, on connections that stay open. */
  holdAt(bytes: number): void;
}

export async function layCable(to: string): Promise<Cable> {
  const target = new URL(to);
  const sockets = new Set<Socket>();
  let received = 0;
  let sent = 0;
  let limit = Number.POSITIVE_INFINITY;
  const hold = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((here) => {
    const there = dial(Number(target.port), target.hostname);
    hold(here);
    hold(there);
    here.on("data", (bytes) => {
      sent += bytes.length;
    });
    here.pipe(there);
    there.on("data", (bytes) => {
      received += bytes.length;
      if (!here.write(bytes) || received >= limit) there.pause();
    });
    here.on("drain", () => received < limit && there.resume());
    there.on("end", () => here.end());
    there.on("close", () => here.destroySoon());
  });
  const listen = (port: number) => new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
  await listen(0);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const url = new URL(to);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  return {
    url: url.href,
    cut: async () => {
      const closed = new Promise((done) => server.close(done));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    mend: () => listen(port),
    received: () => received,
    sent: () => sent,
    holdAt: (bytes) => {
      limit = bytes;
    },
  };
}
