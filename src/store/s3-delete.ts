/** Deleting from S3, if need be so that the store refuses the request after a moment. */

import { setTimeout as delay } from "node:timers/promises";
import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { ServiceError } from "../errors.ts";
import type { DeleteOptions } from "./contract.ts";
import { type S3Context, until } from "./s3-client.ts";
import { statusOf } from "./s3-error.ts";
import { sendSigned } from "./s3-signed.ts";

export async function remove(c: S3Context, path: string, options: DeleteOptions): Promise<void> {
  const { versionId, expiresAt, signal } = options;
  const command = new DeleteObjectCommand({
    Bucket: c.settings.bucket,
    Key: c.key(path),
    ...(versionId === undefined ? {} : { VersionId: versionId }),
  });
  await c.call({ action: "s3:DeleteObject", path }, signal, async () => {
    if (expiresAt === undefined) return void (await c.client.send(command, until(signal)));
    const expiresIn = Math.floor((expiresAt.getTime() - Date.now()) / 1000);
    if (expiresIn < 1) throw late(path);
    // One signature for all attempts: a paused process cannot make a younger one.
    const url = await getSignedUrl(c.client, command, { expiresIn });
    return sendSigned(c, { url, method: "DELETE", signal });
  });
}

/** Whether the store refuses a deletion that was signed to expire, sent afterwards. */
export async function refusesLate(
  c: S3Context,
  path: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const command = new DeleteObjectCommand({ Bucket: c.settings.bucket, Key: c.key(path) });
  return c.call({ action: "s3:DeleteObject", path }, signal, async () => {
    const url = await getSignedUrl(c.client, command, { expiresIn: 1 });
    // Expiry counts whole seconds.
    await delay(2_100, undefined, signal === undefined ? {} : { signal });
    return sendSigned(c, { url, method: "DELETE", signal }).then(
      () => false,
      (error: unknown) => {
        if (statusOf(error) === 403) return true;
        throw error;
      },
    );
  });
}

function late(path: string): ServiceError {
  return new ServiceError("CONFLICT", `The time to delete ${path} is over.`, {
    details: { remedy: "Claim it again." },
  });
}
