/** Whether a store honours `If-None-Match: *`. Some ignore it silently, so it is tried on an object of our own. */

import { CopyObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { isServiceError } from "../errors.ts";
import type { S3Context } from "./s3-client.ts";
import { isAboutStore, statusOf } from "./s3-error.ts";
import { untilAborted } from "./until-aborted.ts";

const path = "_obj/conditional";
const text = "Written by Holdfast to learn whether this store refuses to overwrite.\n";

/** Learns it once, at the first write and at the first copy; a failure to learn is told and tried again. */
export class Conditions {
  readonly #context: S3Context;
  #known: Promise<boolean> | undefined;
  #knownOfCopies: Promise<boolean> | undefined;

  constructor(context: S3Context) {
    this.#context = context;
  }

  async areHonoured(signal: AbortSignal | undefined): Promise<boolean> {
    this.#known ??= this.#learn().catch((error: unknown) => {
      this.#known = undefined;
      throw error;
    });
    return untilAborted(this.#known, signal);
  }

  /** Ask only where writes honour it: then the object to try on is there. */
  async areHonouredByCopies(signal: AbortSignal | undefined): Promise<boolean> {
    this.#knownOfCopies ??= this.#isCopyRefused().catch((error: unknown) => {
      this.#knownOfCopies = undefined;
      throw error;
    });
    return untilAborted(this.#knownOfCopies, signal);
  }

  /** The first write may create the object; the second one must be refused. */
  async #learn(): Promise<boolean> {
    return (await this.#isWriteRefused()) || (await this.#isWriteRefused());
  }

  #isWriteRefused(): Promise<boolean> {
    const c = this.#context;
    const command = new PutObjectCommand({
      Bucket: c.settings.bucket,
      Key: c.key(path),
      Body: text,
      IfNoneMatch: "*",
    });
    return this.#isRefused(() => c.client.send(command));
  }

  /** Onto itself, so that a server that does not refuse changes nothing. */
  #isCopyRefused(): Promise<boolean> {
    const c = this.#context;
    const key = c.key(path).split("/").map(encodeURIComponent).join("/");
    const command = new CopyObjectCommand({
      Bucket: c.settings.bucket,
      Key: c.key(path),
      CopySource: `${c.settings.bucket}/${key}`,
      MetadataDirective: "REPLACE",
      IfNoneMatch: "*",
    });
    return this.#isRefused(() => c.client.send(command));
  }

  async #isRefused(send: () => Promise<unknown>): Promise<boolean> {
    try {
      await this.#context.call({ action: "s3:PutObject", path }, undefined, async () => {
        await send().catch((error: unknown) => {
          // A server that knows no conditions says so; it is asked no further. Expired credentials are a 400 too.
          if (![400, 501].includes(statusOf(error) ?? 0) || isAboutStore(error)) throw error;
        });
      });
      return false;
    } catch (error) {
      if (isServiceError(error, "STORE_CONFLICT")) return true;
      throw error;
    }
  }
}
