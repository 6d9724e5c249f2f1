/** Sends requests to a running service and says what is wrong with how it took them. */

import { Agent, request as httpRequest } from "node:http";
import { dial } from "../support/place.ts";
import type { FuzzRequest } from "./requests.ts";

/** How long an answer may take; a service that takes longer is stuck. */
const patienceMs = 20_000;
/** How long is waited for the answer to a request that owes the server something. */
const incompleteMs = 150;

/** What came back; `undefined` where the connection ended, or nothing was owed. */
async function exchange(url: string, sent: FuzzRequest): Promise<string | undefined> {
  const socket = await dial(url);
  const pieces: Buffer[] = [];
  const closed = new Promise<"closed">((done) => {
    socket.on("data", (piece: Buffer) => pieces.push(piece));
    socket.on("error", () => done("closed"));
    socket.on("close", () => done("closed"));
  });
  socket.write(sent.bytes);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((done) => {
    timer = setTimeout(done, sent.incomplete === true ? incompleteMs : patienceMs, "late");
  });
  const how = await Promise.race([closed, late]);
  clearTimeout(timer);
  socket.destroy();
  if (how === "late" && sent.incomplete !== true) throw new Error(`no answer within ${patienceMs} ms`);
  return pieces.length === 0 ? undefined : Buffer.concat(pieces).toString("latin1");
}

/** What is wrong with the answer to a request; `undefined` when nothing is. */
export async function faultOf(url: string, sent: FuzzRequest): Promise<string | undefined> {
  try {
    const answer = await exchange(url, sent);
    if (answer === undefined)
      return sent.incomplete === true ? undefined : "the connection ended without an answer";
    // An interim answer comes before the one that counts.
    const final = answer.replace(/^(HTTP\/1\.1 1\d\d [^\r]*\r\n(.+\r\n)*\r\n)+/, "");
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(final)?.[1]);
    if (!(status >= 200 && status < 500)) return `status ${status}: ${final.slice(0, 600)}`;
    return final.includes("INTERNAL_SERVER_ERROR") ? `masked: ${final.slice(-600)}` : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Asks again and again whether the service is there: how long it takes tells how long its event loop stood still. */
export class Watch {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** The longest wait, in milliseconds, while `run` runs and right after it. */
  async during(run: () => Promise<unknown>): Promise<number> {
    let running = true;
    const ended = run().finally(() => {
      running = false;
    });
    let longest = 0;
    while (running) longest = Math.max(longest, await this.#ping());
    await ended;
    return longest;
  }

  close(): void {
    this.#agent.destroy();
  }

  #ping(): Promise<number> {
    const begin = performance.now();
    return new Promise((done, fail) => {
      const asked = httpRequest(`${this.#url}/healthz`, { agent: this.#agent }, (answer) => {
        answer.resume();
        answer.once("end", () => done(performance.now() - begin));
      });
      asked.once("error", fail);
      asked.end();
    });
  }
}
