/** Whether a store honours `If-None-Match: *`. Some ignore it silently, so it is tried on an object of our own. */

import { PutObjectCommand } from "@aws-sdk/client-s3";
import { isServiceError } from "../errors.ts";
import type { S3Context } from "./s3-client.ts";
import { statusOf } from "./s3-error.ts";

const path = "_obj/conditional";
const text = "Written by Holdfast to learn whether this store refuses to overwrite.\n";

/** Learns it once, at the first write; a failure to learn is told and tried again. */
export class Conditions {
  readonly #context: S3Context;
  #known: Promise<boolean> | undefined;

  constructor(context: S3Context) {
    this.#context = context;
  }

  async areHonoured(signal: AbortSignal | undefined): Promise<boolean> {
    signal?.throwIfAborted();
    this.#known ??= this.#learn().catch((error: unknown) => {
      this.#known = undefined;
      throw error;
    });
    return this.#known;
  }

  /** The first write may create the object; the second one must be refused. */
  async #learn(): Promise<boolean> {
    return (await this.#isRefused()) || (await this.#isRefused());
  }

  async #isRefused(): Promise<boolean> {
    const c = this.#context;
    const command = new PutObjectCommand({
      Bucket: c.settings.bucket,
      Key: c.key(path),
      Body: text,
      IfNoneMatch: "*",
    });
    try {
      await c.call({ action: "s3:PutObject", path }, undefined, async () => {
        await c.client.send(command).catch((error: unknown) => {
          // A server that knows no conditions says so; it is asked no further.
          if (![400, 501].includes(statusOf(error) ?? 0)) throw error;
        });
      });
      return false;
    } catch (error) {
      if (isServiceError(error, "STORE_CONFLICT")) return true;
      throw error;
    }
  }
}
