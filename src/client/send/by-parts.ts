/** A file in parts, each straight to its store; the server signs them and puts them together. */

import { eachAtOnce } from "../each.ts";
import { retrying } from "../retry.ts";
import { exchange, storeRefusal } from "./bytes.ts";
import type { SendMemory } from "./memory.ts";
import type { OfferedPart, SentPart, UploadApi } from "./offer.ts";

/** How many parts are asked for: of about so many bytes. */
export const partBytes = 16 * 2 ** 20;
const mostParts = 10_000;
/** URLs signed in one call. */
const signedAtOnce = 20;

/** Parts to ask for, for so many bytes. */
export function partsFor(sizeBytes: number): number {
  return Math.min(mostParts, Math.max(1, Math.ceil(sizeBytes / partBytes)));
}

/** What is sent, and how. */
export interface PartsTask {
  readonly api: UploadApi;
  readonly id: string;
  readonly parts: readonly OfferedPart[];
  readonly memory: SendMemory;
  readonly file: Blob;
  readonly parallel: number;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
}

/** Sends the parts that the store does not have, and answers what it confirmed of all. */
export async function sendParts(task: PartsTask): Promise<readonly SentPart[]> {
  const { parts, memory, file, parallel, signal, progress } = task;
  const sent = await memory.parts();
  for (const { number, isReceived } of parts) if (!isReceived) sent.delete(number);
  const placed = placesOf(parts);
  let done = placed.filter(({ part }) => sent.has(part.number)).reduce((sum, { size }) => sum + size, 0);
  progress(done, file.size);
  const missing = placed.filter(({ part }) => !sent.has(part.number));
  const urls = new SignedUrls(
    task,
    missing.map(({ part }) => part),
  );
  await eachAtOnce(missing, { width: parallel, signal }, async ({ part, start, size }, stop) => {
    const { number } = part;
    const one = { number, body: file.slice(start, start + size) };
    const etag = await retrying(() => sendOne(urls, one, stop), stop);
    await memory.confirm(number, etag);
    sent.set(number, etag);
    done += size;
    progress(done, file.size);
  });
  return [...sent].map(([number, etag]) => ({ number, etag }));
}

interface Placed {
  readonly part: OfferedPart;
  readonly start: number;
  readonly size: number;
}

function placesOf(parts: readonly OfferedPart[]): readonly Placed[] {
  let start = 0;
  return [...parts]
    .sort((a, b) => a.number - b.number)
    .map((part) => {
      const placed = { part, start, size: Number(part.sizeBytes) };
      start += placed.size;
      return placed;
    });
}

async function sendOne(
  urls: SignedUrls,
  { number, body }: { readonly number: number; readonly body: Blob },
  signal: AbortSignal,
): Promise<string> {
  const url = await urls.of(number);
  const response = await exchange(url, { method: "PUT", body, signal });
  const text = await response.text().catch(() => "");
  const etag = response.headers.get("etag");
  if (response.ok && etag !== null) return etag;
  // Mostly an expired signature; whatever it is, the next attempt has a fresh one.
  urls.drop(number);
  throw storeRefusal(response.status, text);
}

/** URLs of parts, signed again where they are missing or were refused. */
class SignedUrls {
  readonly #urls: Map<number, string>;
  readonly #task: Pick<PartsTask, "api" | "id">;
  readonly #numbers: readonly number[];
  #signing: Promise<void> = Promise.resolve();

  constructor(task: Pick<PartsTask, "api" | "id">, missing: readonly OfferedPart[]) {
    this.#task = task;
    this.#numbers = missing.map((part) => part.number);
    this.#urls = new Map(
      missing.flatMap(({ number, url }) => (url === null ? [] : [[number, url] as const])),
    );
  }

  async of(number: number): Promise<string> {
    // One call at a time signs for all that wait.
    this.#signing = this.#signing.catch(() => undefined).then(() => this.#sign(number));
    await this.#signing;
    const url = this.#urls.get(number);
    if (url === undefined) throw storeRefusal(0, "");
    return url;
  }

  drop(number: number): void {
    this.#urls.delete(number);
  }

  async #sign(number: number): Promise<void> {
    if (this.#urls.has(number)) return;
    const from = this.#numbers.indexOf(number);
    const next = this.#numbers.slice(from, from + signedAtOnce).filter((one) => !this.#urls.has(one));
    const { api, id } = this.#task;
    for (const { number: signed, url } of await api.sign(id, next))
      if (url !== null) this.#urls.set(signed, url);
  }
}
