/** Sends requests to a running service and says what is wrong with how it took them. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
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

interface Metered {
  readonly longestMs: number;
  readonly cpuMs: number;
}

/** Asks the meter in the service (`meter.ts`) how long its event loop stood still. */
export class Watch {
  readonly #socket: Socket;
  #waiting: ((metered: Metered) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (piece: Buffer) => this.#waiting?.(JSON.parse(piece.toString("utf8"))));
  }

  /** Connects to the meter at the end of `path`. */
  static async open(path: string): Promise<Watch> {
    const socket = connect(path);
    await once(socket, "connect");
    return new Watch(socket);
  }

  /**
   * How long the loop stood still at most while `run` ran and right after it, in milliseconds. A machine that is busy with something else
   * stops the process too; no longer than its own processor time did the loop stand still by itself.
   */
  async during(run: () => Promise<unknown>): Promise<number> {
    await this.#ask();
    await run();
    // What follows the answer, such as the log, belongs to it.
    await sleep(5);
    const { longestMs, cpuMs } = await this.#ask();
    return Math.min(longestMs, cpuMs);
  }

  close(): void {
    this.#socket.destroy();
  }

  #ask(): Promise<Metered> {
    return new Promise((done) => {
      this.#waiting = done;
      this.#socket.write("?");
    });
  }
}
