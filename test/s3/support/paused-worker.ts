/**
 * A worker of the collector in a process of its own, which stops itself once, until it is told to go on: at a named point, or (`signed`) when
 * its first DELETE is signed and not yet sent. Says so by a line, and what it has done by another. Arguments: database URL, store as JSON, life
 * of a claim in milliseconds, where. Never by hand.
 */

import { subscribe } from "node:diagnostics_channel";
import { writeSync } from "node:fs";
import type { ClientRequest } from "node:http";
import { removeBytes } from "../../../src/collector/bytes.ts";
import { connect } from "../../../src/db/database.ts";
import type { StoreConfig } from "../../../src/store/contract.ts";
import { createS3Driver } from "../../../src/store/s3.ts";

const [url = "", text = "", claimMs = "", where = ""] = process.argv.slice(2);
const say = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);
let hasStopped = false;

function stop(): void {
  if (hasStopped) return;
  hasStopped = true;
  say({ stopped: where });
  process.kill(process.pid, "SIGSTOP");
}

// Nothing of the request has left the process by then.
subscribe("http.client.request.created", (message) => {
  const { request } = message as { request: ClientRequest };
  if (where === "signed" && request.method === "DELETE") stop();
});
const config = JSON.parse(text) as StoreConfig;
const store = { config, driver: createS3Driver(config, { attempts: 2 }) };
const db = await connect(url);
const context = {
  db,
  stores: {
    all: new Map([[config.name, store]]),
    defaultName: config.name,
    filepathDefaultName: undefined,
    get: () => store,
  },
  faults: (point: string) => (point === where ? stop() : undefined),
  version: "test",
  worker: `paused-${process.pid}`,
  warn: (error: unknown, what: string) => say({ warning: what, error: String(error) }),
};
const run = { id: "1", by: "test" };
const done = await removeBytes(context, run, store, { keepSeconds: 31_536_000, claimMs: Number(claimMs) });
say({ done });
process.exit(0);
