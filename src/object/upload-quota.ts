/** How much one caller may have reserved: uploads that no row has used yet, and the bytes of them. */

import type { Transaction } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";

/** What one caller may hold in uploads that no row has used and that have not expired. */
export interface UploadQuota {
  readonly uploads: number;
  /** Declared or received, whichever is more. */
  readonly bytes: number;
}

/** Where nothing is configured: room for a long night of recordings, and an end to a loop that has gone wrong. */
export const defaultUploadQuota: UploadQuota = { uploads: 10_000, bytes: 20 * 2 ** 40 };

const settings = {
  uploads: "HOLDFAST_MAX_OPEN_UPLOADS",
  bytes: "HOLDFAST_MAX_RESERVED_BYTES",
} as const satisfies Record<keyof UploadQuota, string>;

/** Reads the quota that the environment sets. @throws {CONFIG_INVALID} for what is no positive whole number. */
export function uploadQuotaFrom(environment: Readonly<Record<string, string | undefined>>): UploadQuota {
  const read = (name: keyof UploadQuota): number => {
    const text = environment[settings[name]];
    if (text === undefined || text === "") return defaultUploadQuota[name];
    const value = /^\d{1,15}$/.test(text) ? Number(text) : 0;
    if (value > 0) return value;
    throw new ServiceError("CONFIG_INVALID", `${settings[name]} is ${JSON.stringify(text)}.`, {
      details: { field: settings[name], value: text, remedy: "Write a positive whole number." },
    });
  };
  return { uploads: read("uploads"), bytes: read("bytes") };
}

interface Wanted {
  /** Nobody: not counted. */
  readonly principal: string | undefined;
  readonly sizeBytes: number;
  readonly quota: UploadQuota;
}

/** Checks that one more upload fits, before it is reserved in the same transaction. @throws {LIMIT_EXCEEDED} naming the setting. */
export async function checkQuota(transaction: Transaction, wanted: Wanted): Promise<void> {
  const { principal, quota } = wanted;
  if (principal === undefined) return;
  // Two creations at once must not both be the last that fits.
  await transaction.query("SELECT pg_advisory_xact_lock(hashtextextended('holdfast.upload:' || $1, 0))", [
    principal,
  ]);
  const { rows } = await transaction.query<{ uploads: number; bytes: number }>(
    `SELECT count(*)::int AS uploads, coalesce(sum(greatest(d.declared_size, d.size, 0)), 0)::float8 AS bytes
     FROM holdfast.upload u JOIN holdfast.upload_detail d USING (id)
     WHERE u.principal = $1 AND u.expires_at > clock_timestamp()`,
    [principal],
    { name: "upload-quota" },
  );
  const { uploads, bytes } = rows[0] ?? { uploads: 0, bytes: 0 };
  if (uploads >= quota.uploads) throw beyond(`${principal} has ${uploads} uploads open`, "uploads", quota);
  if (bytes + wanted.sizeBytes > quota.bytes)
    throw beyond(
      `${principal} has ${bytes} bytes in open uploads and asks for ${wanted.sizeBytes} more`,
      "bytes",
      quota,
    );
}

function beyond(what: string, name: keyof UploadQuota, quota: UploadQuota): ServiceError {
  const remedy = "Use or abandon some: a row takes one, and after 24 hours they expire.";
  return new ServiceError(
    "LIMIT_EXCEEDED",
    `${what}; the limit is ${quota[name]} (${settings[name]}). ${remedy}`,
    {
      details: { field: "createUpload", limit: quota[name], setting: settings[name], remedy },
    },
  );
}
