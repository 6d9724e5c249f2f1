/** Digests that signatures cover, taken beside the event loop: for long bodies they would hold it up for milliseconds each. */

import { createHash, webcrypto } from "node:crypto";
import type { S3Client } from "@aws-sdk/client-s3";

/** Shorter bodies are digested faster than a thread is asked. */
const longBytes = 256 * 1024;

/** SHA-256 of bodies that are to be sent, in hex. */
const digests = new WeakMap<object, string>();

/** SHA-256 of a body, in hex. */
export async function digestOf(body: Buffer<ArrayBuffer>): Promise<string> {
  if (body.length < longBytes) return createHash("sha256").update(body).digest("hex");
  return Buffer.from(await webcrypto.subtle.digest("SHA-256", body)).toString("hex");
}

/** The body; whoever sends it now signs this digest without taking it again. */
export function signedAs(body: Buffer<ArrayBuffer>, sha256: string): Buffer<ArrayBuffer> {
  digests.set(body, sha256);
  return body;
}

/** Takes the digest of a long body; whoever sends it now signs without taking it again. */
export async function digested(body: Buffer<ArrayBuffer>): Promise<Buffer<ArrayBuffer>> {
  return body.length < longBytes ? body : signedAs(body, await digestOf(body));
}

/** Has `client` sign the digests that are known. */
export function signKnownDigests(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { input, request } = args;
      const body: unknown = "Body" in input ? input.Body : undefined;
      const digest = typeof body === "object" && body !== null ? digests.get(body) : undefined;
      // The SDK signs the digest that it finds. @source @smithy/signature-v4, getPayloadHash
      if (digest !== undefined)
        (request as { headers: Record<string, string> }).headers["x-amz-content-sha256"] = digest;
      return next(args);
    },
    { step: "build", name: "holdfastKnownDigest" },
  );
}
