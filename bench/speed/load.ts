/** A load generator that costs little: kept connections, one request at a time on each, answers counted and not parsed. */

import { connect, type Socket } from "node:net";

/** How one run of requests is driven. */
export interface LoadOptions {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly milliseconds: number;
  /** The body of the next request. */
  body(): string;
}

/** What a run measured. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds of each request, ascending. */
  readonly latencies: Float64Array;
  /** Bytes of the last answer's body. */
  readonly answerBytes: number;
}

/** Keeps `connections` busy until the time is over. @throws when an answer is not 200, or holds errors. */
export async function drive(options: LoadOptions): Promise<LoadResult> {
  const run: Run = { options, until: 0, latencies: [], answerBytes: 0 };
  const sockets = await Promise.all(Array.from({ length: options.connections }, () => open(options.port)));
  const begin = performance.now();
  run.until = begin + options.milliseconds;
  try {
    await Promise.all(sockets.map((socket) => keepAsking(socket, run)));
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  const seconds = (performance.now() - begin) / 1000;
  const latencies = Float64Array.from(run.latencies).sort();
  return { requests: latencies.length, seconds, latencies, answerBytes: run.answerBytes };
}

interface Run {
  readonly options: LoadOptions;
  until: number;
  readonly latencies: number[];
  answerBytes: number;
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

function keepAsking(socket: Socket, run: Run): Promise<void> {
  const { options } = run;
  const answer = new AnswerReader();
  let begun = 0;
  return new Promise((resolve, reject) => {
    const ask = (): void => {
      const body = options.body();
      const head = `POST ${options.path} HTTP/1.1\r\nHost: 127.0.0.1:${options.port}\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
      begun = performance.now();
      socket.write(head + body);
    };
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("The server closed a connection.")));
    socket.on("data", (chunk: Buffer) => {
      try {
        if (!answer.take(chunk)) return;
        const now = performance.now();
        run.latencies.push(now - begun);
        run.answerBytes = answer.reset();
        if (now < run.until) ask();
        else resolve();
      } catch (error) {
        reject(error);
      }
    });
    ask();
  });
}

/** Knows when an answer is complete. */
class AnswerReader {
  #head = "";
  /** Bytes of the body that are still to come; undefined before the head is read; NaN where the body is chunked. */
  #missing: number | undefined;
  #bytes = 0;

  /** Whether the answer is complete with `chunk`. */
  take(chunk: Buffer): boolean {
    if (this.#missing === undefined) return this.#takeHead(chunk);
    this.#bytes += chunk.length;
    if (Number.isNaN(this.#missing)) return chunk.subarray(-5).toString("latin1") === "0\r\n\r\n";
    this.#missing -= chunk.length;
    return this.#missing <= 0;
  }

  /** Makes ready for the next answer; bytes of the body of this one. */
  reset(): number {
    const bytes = this.#bytes;
    this.#head = "";
    this.#missing = undefined;
    this.#bytes = 0;
    return bytes;
  }

  #takeHead(chunk: Buffer): boolean {
    this.#head += chunk.toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const body = this.#head.slice(end + 4);
    if (!this.#head.startsWith("HTTP/1.1 200 ") || body.startsWith('{"errors"'))
      throw new Error(`Not answered: ${this.#head.slice(0, 1000)}`);
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#head.slice(0, end))?.[1];
    this.#bytes = body.length;
    if (length === undefined) {
      this.#missing = Number.NaN;
      return body.endsWith("0\r\n\r\n");
    }
    this.#missing = Number(length) - body.length;
    return this.#missing <= 0;
  }
}
