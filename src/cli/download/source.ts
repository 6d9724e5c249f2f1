/** Asking a data URL for bytes. */

import { translated } from "../../client/ask.ts";
import { refusal } from "../../client/refusal.ts";
import { isServiceError, ServiceError } from "../../errors.ts";
import type { Span } from "./spans.ts";

/** A data URL, made anew when it expires. */
export interface LivingUrl {
  readonly current: () => string;
  /** Replaces the URL that has expired; one request, however many ask for it at once. */
  readonly renew: (expired: string) => Promise<void>;
}

/** Keeps `url` alive with `mint`. */
export function livingUrl(url: string, mint: () => Promise<string>): LivingUrl {
  let current = url;
  let renewing: Promise<void> | undefined;
  return {
    current: () => current,
    async renew(expired) {
      if (expired !== current) return;
      renewing ??= mint()
        .then((fresh) => {
          current = fresh;
        })
        .finally(() => {
          renewing = undefined;
        });
      await renewing;
    },
  };
}

/** What is asked for. */
export interface DataRequest {
  readonly span?: Span;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly signal: AbortSignal;
}

/** Answers other than the bytes that the asker deals with. */
const expected = [304, 412, 416];

/** One file behind a data URL: the URL's own, or that of a path below it. */
export class DataSource {
  readonly #url: LivingUrl;
  readonly #below: string;

  /** `path`: of a file in a folder. */
  constructor(url: LivingUrl, path?: string) {
    this.#url = url;
    this.#below = path === undefined ? "" : `/${path.split("/").map(encodeURIComponent).join("/")}`;
  }

  /** @throws the server's error; {SERVER_UNAVAILABLE} when there is no answer. A 304, 412 or 416 is answered. */
  async ask(request: DataRequest): Promise<Response> {
    const url = this.#url.current();
    try {
      return await this.#askOnce(url, request);
    } catch (error) {
      if (!isServiceError(error, "FORBIDDEN") || error.details["expiredAt"] === undefined) throw error;
      await this.#url.renew(url);
      return await this.#askOnce(this.#url.current(), request);
    }
  }

  async #askOnce(base: string, { span, ifMatch, ifNoneMatch, signal }: DataRequest) {
    const headers = {
      "accept-encoding": "identity",
      ...(span === undefined ? {} : { range: `bytes=${span[0]}-${span[1] - 1}` }),
      ...(ifMatch === undefined ? {} : { "if-match": ifMatch }),
      ...(ifNoneMatch === undefined ? {} : { "if-none-match": ifNoneMatch }),
    };
    const url = base + this.#below;
    const response = await fetch(url, { headers, signal }).catch((error: unknown) =>
      Promise.reject(translated(error, { url: new URL(url).origin })),
    );
    if (response.ok) return response;
    if (expected.includes(response.status)) {
      // A body that nobody reads holds its connection, and with it the process.
      await response.body?.cancel();
      return response;
    }
    throw await refusal(response);
  }
}

/** The pieces of a body. @throws {SERVER_UNAVAILABLE} when it breaks off. */
export async function* bodyOf(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  try {
    yield* response.body;
  } catch (error) {
    signal.throwIfAborted();
    throw new ServiceError("SERVER_UNAVAILABLE", "The connection broke off while the bytes came.", {
      cause: error,
      details: { remedy: "Try again." },
    });
  }
}

/** What an answer tells of the whole value. */
export interface DataFacts {
  readonly sizeBytes: number;
  /** Absent where none is strong: then the bytes may change between two requests. */
  readonly etag?: string;
  /** Of the whole value; absent where the server knows none. */
  readonly sha256?: string;
}

/** Reads a 200, a 206, or the 416 of an empty value. @throws {SERVER_UNAVAILABLE} when the answer is not as Holdfast gives it. */
export function factsOf(response: Response): DataFacts {
  const { headers } = response;
  const total = /^bytes (?:\d+-\d+|\*)\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
  const size = response.status === 200 ? headers.get("content-length") : total;
  const etag = headers.get("etag") ?? "";
  if (size === null || size === undefined || !/^\d+$/.test(size)) {
    throw new ServiceError("SERVER_UNAVAILABLE", "The server tells no size of the value.", {
      details: { remedy: "Check what stands between here and the server." },
    });
  }
  const sha256 = /^"sha256:([0-9a-f]{64})"$/.exec(etag)?.[1];
  return {
    sizeBytes: Number(size),
    ...(etag.startsWith('"') ? { etag } : {}),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}
