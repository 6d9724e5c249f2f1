/** Sends a request whose URL carries its signature, over the connections of the driver. */

import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import type { S3Context } from "./s3-client.ts";

interface Signed {
  readonly url: string;
  readonly method: "DELETE" | "PUT";
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/** Resolves when the store has done it. @throws what an SDK call would: an error with the store's code and the status. */
export async function sendSigned(c: S3Context, { url, method, body, signal }: Signed): Promise<void> {
  const { status, answer } = await new Promise<{ status: number; answer: string }>((resolve, reject) => {
    const send = url.startsWith("https:") ? httpsRequest : httpRequest;
    const options = { method, agent: c.agent, timeout: c.limits.stallMs, ...(signal ? { signal } : {}) };
    const request = send(url, options, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, answer }), reject);
    });
    request.on("timeout", () =>
      request.destroy(Object.assign(new Error("No answer."), { code: "TimeoutError" })),
    );
    request.on("error", reject);
    if (body === undefined) request.end();
    else request.setHeader("content-length", body.length).end(body);
  });
  if (status >= 200 && status < 300) return;
  const code = /<Code>([A-Za-z0-9]+)<\/Code>/.exec(answer)?.[1] ?? `HTTP${status}`;
  const message = /<Message>([^<]{0,300})<\/Message>/.exec(answer)?.[1] ?? "";
  throw Object.assign(new Error(message), { code, $metadata: { httpStatusCode: status } });
}
