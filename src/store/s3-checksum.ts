/**
 * Whether a store compares the SHA-256 that is announced with a body: then the one that its answer tells is its own, of the bytes it has, and
 * proves the write. One that keeps whatever it is told would prove nothing, so it is tried with a wrong one.
 */

import { createHash } from "node:crypto";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import type { S3Context } from "./s3-client.ts";
import { codeNameOf, statusOf } from "./s3-error.ts";
import { untilAborted } from "./until-aborted.ts";

const path = "_obj/checksum";
const text = "Written by Holdfast: this store does not compare checksums.\n";
/** What servers say of a body that is not as announced: AWS and most, MinIO. */
const refusals: ReadonlySet<string> = new Set(["BadDigest", "XAmzContentChecksumMismatch"]);

/** Learns it once, at the first write. */
export class Checksums {
  readonly #context: S3Context;
  #known: Promise<boolean> | undefined;

  constructor(context: S3Context) {
    this.#context = context;
  }

  /** False where that could not be learned either: it is tried again at the next write. */
  async areCompared(signal: AbortSignal | undefined): Promise<boolean> {
    this.#known ??= this.#learn().catch(() => {
      this.#known = undefined;
      return false;
    });
    return untilAborted(this.#known, signal);
  }

  async #learn(): Promise<boolean> {
    const c = this.#context;
    const command = new PutObjectCommand({
      Bucket: c.settings.bucket,
      Key: c.key(path),
      Body: text,
      ChecksumSHA256: createHash("sha256").update("other bytes").digest("base64"),
    });
    try {
      await c.client.send(command);
      return false;
    } catch (error) {
      if (statusOf(error) === 400 && refusals.has(codeNameOf(error))) return true;
      // A server that knows no checksums says so; it is asked no further.
      if (statusOf(error) === 400 || statusOf(error) === 501) return false;
      throw error;
    }
  }
}
