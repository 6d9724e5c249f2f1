/** A file in parts, each straight to its store; the server signs them and puts them together. */

import { eachAtOnce } from "../each.ts";
import { retrying } from "../retry.ts";
import { exchange, storeRefusal } from "./bytes.ts";
import type { OfferedPart, UploadApi } from "./offer.ts";

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
  readonly file: Blob;
  readonly parallel: number;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
}

/** Sends the parts that the store does not have. */
export async function sendParts(task: PartsTask): Promise<void> {
  const { parts, file, parallel, signal, progress } = task;
  const urls = new SignedUrls(task);
  const placed = placesOf(parts);
  let done = placed.filter(({ part }) => part.isReceived).reduce((sum, { size }) => sum + size, 0);
  progress(done, file.size);
  const missing = placed.filter(({ part }) => !part.isReceived);
  await eachAtOnce(missing, { width: parallel, signal }, async ({ part, start, size }, stop) => {
    await retrying(
      () => sendOne(urls, { number: part.number, body: file.slice(start, start + size) }, stop),
      stop,
    );
    done += size;
    progress(done, file.size);
  });
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
): Promise<void> {
  const url = await urls.of(number);
  const response = await exchange(url, { method: "PUT", body, signal });
  const text = await response.text().catch(() => "");
  if (response.ok) return;
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

  constructor(task: PartsTask) {
    this.#task = task;
    this.#numbers = task.parts.filter((part) => !part.isReceived).map((part) => part.number);
    this.#urls = new Map(
      task.parts.flatMap(({ number, url }) => (url === null ? [] : [[number, url] as const])),
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
