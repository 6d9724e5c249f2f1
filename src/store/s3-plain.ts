/**
 * The calls that come by the thousand (read, look, write in one request), sent without the SDK's machinery, which costs more than all else of
 * them: signed by its signer with its credentials and its clock, over the same connections. Only a plain success is taken. Whatever else
 * happens is the SDK's to do again and to judge: its retries, its corrections of clock and region, its errors.
 */

import { type Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { S3Settings } from "./s3-config.ts";

/** How long the SDK alone talks to a store after a call that was no plain success: it knows how to go easy on servers in trouble. */
const restMs = 5_000;
/** Longest pause before the SDK tries what came to nothing; its own pauses begin so. */
const pauseMs = 100;
/** Refusals of what was asked for, from a server that is well. */
const ordinary: ReadonlySet<number> = new Set([404, 412, 416]);
/** SHA-256 of no bytes, in hex. */
const ofNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** One request for one object. */
export interface PlainRequest {
  readonly method: "GET" | "HEAD" | "PUT";
  readonly key: string;
  readonly versionId?: string | undefined;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** With its SHA-256, in hex. */
  readonly body?: { readonly bytes: Uint8Array; readonly sha256: string };
}

export interface PlainAnswer {
  readonly status: number;
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** To be read to its end, or destroyed. */
  readonly body: IncomingMessage;
}

type Signer = Awaited<ReturnType<S3Client["config"]["signer"]>>;

interface Place {
  readonly protocol: string;
  readonly host: string;
  readonly hostname: string;
  readonly port?: number;
  /** What precedes a key. */
  readonly path: string;
  readonly signer: Signer;
}

interface Parts {
  readonly client: S3Client;
  readonly settings: S3Settings;
  readonly limits: { readonly stallMs: number; readonly connectMs: number };
  readonly agent: Agent;
}

/** Sends plain requests to one bucket. */
export class PlainCalls {
  readonly #parts: Parts;
  #place: Promise<Place> | undefined;
  #restUntil = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The answer, if it is a success, or if its status is in `also`; `undefined` when the SDK has to ask. @throws what the signal's end makes. */
  async ask(
    request: PlainRequest,
    signal: AbortSignal | undefined,
    also?: number,
  ): Promise<PlainAnswer | undefined> {
    if (performance.now() < this.#restUntil) return undefined;
    try {
      const answer = await this.#send(request, signal);
      if (isSuccess(answer.status) || answer.status === also) return answer;
      answer.body.resume();
      if (ordinary.has(answer.status)) return undefined;
      await this.#rest(answer.status >= 500 || answer.status === 429, signal);
    } catch (error) {
      if (signal?.aborted === true) throw error;
      await this.#rest(true, signal);
    }
    return undefined;
  }

  async #rest(isPassing: boolean, signal: AbortSignal | undefined): Promise<void> {
    this.#restUntil = performance.now() + restMs;
    if (isPassing) await delay(pauseMs * Math.random(), undefined, signal === undefined ? {} : { signal });
  }

  async #send(request: PlainRequest, signal: AbortSignal | undefined): Promise<PlainAnswer> {
    this.#place ??= this.#find().catch((error: unknown) => {
      this.#place = undefined;
      throw error;
    });
    const { signer, path, host, ...rest } = await this.#place;
    const { method, key, versionId, body } = request;
    const unsigned = {
      ...rest,
      method,
      path: path + key.split("/").map(encoded).join("/"),
      query: versionId === undefined ? {} : { versionId },
      headers: { host, "x-amz-content-sha256": body?.sha256 ?? ofNothing, ...request.headers },
    };
    const signed = await signer.sign(unsigned, {
      signingDate: new Date(Date.now() + this.#parts.client.config.systemClockOffset),
    });
    const { hostname, port, query } = unsigned;
    const search = query.versionId === undefined ? "" : `?versionId=${encoded(query.versionId)}`;
    // As a list they are sent as they are; of an object Node checks and copies each, and finds the host that a proxy is told.
    const isProxied = this.#parts.settings.proxy !== undefined;
    const headers = isProxied ? signed.headers : Object.entries(signed.headers).flat();
    const target = { hostname, port, method, path: unsigned.path + search, headers };
    const answer = await this.#exchange(target, body?.bytes, signal);
    // A stream that breaks before anyone reads it must not end the process.
    answer.on("error", () => undefined);
    return {
      status: answer.statusCode ?? 0,
      headers: answer.headers as PlainAnswer["headers"],
      body: answer,
    };
  }

  /** Sends it over the connections of the driver, within its times. */
  #exchange(
    target: RequestOptions,
    body: Uint8Array | undefined,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    const { agent, limits, settings } = this.#parts;
    const send = settings.endpoint.startsWith("https:") ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const request = send({ ...target, agent, timeout: limits.stallMs }, resolve);
      const stop = (): unknown => request.destroy(new Error("No answer in time."));
      request.on("error", reject).on("timeout", stop);
      request.once("socket", (socket) => {
        if (!socket.connecting) return;
        const timer = setTimeout(stop, limits.connectMs);
        for (const event of ["connect", "close"]) socket.once(event, () => clearTimeout(timer));
      });
      signal?.addEventListener("abort", stop, { once: true });
      request.once("close", () => signal?.removeEventListener("abort", stop));
      request.end(body);
    });
  }

  /** Where the SDK would send it, learned from a URL that it signs. */
  async #find(): Promise<Place> {
    const { client, settings } = this.#parts;
    const { bucket, region } = settings;
    const command = new GetObjectCommand({ Bucket: bucket, Key: "x" });
    const url = new URL(await getSignedUrl(client, command, { expiresIn: 60 }));
    const { protocol, host, hostname, pathname } = url;
    const scheme = { name: "sigv4", signingName: "s3", signingRegion: region, properties: {} };
    return {
      protocol,
      host,
      hostname,
      ...(url.port === "" ? {} : { port: Number(url.port) }),
      path: pathname.slice(0, -1),
      signer: await client.config.signer(scheme),
    };
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** As S3 wants it in paths: all but the unreserved characters. @source RFC 3986 §2.3 */
function encoded(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
