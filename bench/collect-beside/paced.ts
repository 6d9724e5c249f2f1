/** Requests at random moments, so many a second whatever the server does: each is timed from the moment at which it was due. */

import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

/** One kind of request. */
export interface Kind {
  readonly name: string;
  readonly perSecond: number;
  /** The next one: query and variables. */
  body(): { readonly query: string; readonly variables: object };
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Milliseconds of each request, by kind. @throws when an answer is not 200 or holds errors. */
export async function paced(
  url: string,
  kinds: readonly Kind[],
  milliseconds: number,
): Promise<ReadonlyMap<string, number[]>> {
  const begin = performance.now();
  const lanes = kinds.map(async (kind): Promise<[string, number[]]> => {
    const latencies: number[] = [];
    const running: Promise<unknown>[] = [];
    for (let due = begin; ; ) {
      due += (-Math.log(1 - Math.random()) * 1000) / kind.perSecond;
      if (due >= begin + milliseconds) break;
      const wait = due - performance.now();
      if (wait > 1) await delay(wait);
      const at = due;
      running.push(send(url, JSON.stringify(kind.body())).then(() => latencies.push(performance.now() - at)));
    }
    await Promise.all(running);
    return [kind.name, latencies];
  });
  return new Map(await Promise.all(lanes));
}

function send(url: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const asked = request(`${url}/graphql`, { method: "POST", agent, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => {
        if (answer.statusCode === 200 && !text.startsWith('{"errors"')) resolve();
        else reject(new Error(`Not answered: ${text.slice(0, 1000)}`));
      });
      answer.on("error", reject);
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

/** The value that 99 of 100 do not exceed. */
export function p99(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export const closeAgent = (): void => agent.destroy();
