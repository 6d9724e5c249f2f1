/** The port to listen on: the one that was asked for, or the first free one from 4000 on. */

import { createServer } from "node:net";
import type { Settings } from "../settings.ts";

const tries = 50;

/** A port that was asked for is answered as it is; listening there fails by name when it is busy. */
export async function choosePort({
  host,
  port,
  portGiven,
}: Pick<Settings, "host" | "port" | "portGiven">): Promise<number> {
  if (portGiven) return port;
  for (let candidate = port; candidate < port + tries; candidate++) {
    if (await isFree(host, candidate)) return candidate;
  }
  return port;
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
