/**
 * Capabilities: a subject and an expiry, signed, in URL-safe text. Whoever has the text has the right, until it expires or its key is revoked.
 *
 * Layout before base64url: version (1 byte), key id (u32), expiry in seconds of the epoch (u32), the subject as a JSON array, then the first
 * 16 bytes of HMAC-SHA-256 over all that.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { ServiceError } from "../errors.ts";
import type { CapabilityKeys } from "./capability-keys.ts";
import { decodeSubject, encodeSubject } from "./capability-subject.ts";
import type { Capabilities, CapabilitySubject } from "./contract.ts";

const version = 1;
const headBytes = 9;
const macBytes = 16;
const defaultSeconds = 3600;
/** How long a capability lives at most. */
export const maxSeconds = 7 * 24 * 3600;

/** Signs and checks with `keys`. `now` is the clock, in milliseconds of the epoch. */
export function createCapabilities(keys: CapabilityKeys, now: () => number = Date.now): Capabilities {
  return {
    sign: (subject, options = {}) => {
      const seconds = checkExpiry(options.expiresInSeconds ?? defaultSeconds);
      return sign(keys, subject, Math.ceil(now() / 1000) + seconds);
    },
    verify: (capability) => verify(keys, capability, now()),
  };
}

function checkExpiry(seconds: number): number {
  if (!Number.isInteger(seconds) || seconds < 1) {
    throw new ServiceError("BAD_USER_INPUT", `An expiry of ${seconds} seconds is not possible.`, {
      details: { field: "expiresIn", value: seconds, remedy: "Give a whole number of seconds, 1 or more." },
    });
  }
  if (seconds <= maxSeconds) return seconds;
  throw new ServiceError("LIMIT_EXCEEDED", `An expiry of ${seconds} seconds is beyond 7 days.`, {
    details: {
      field: "expiresIn",
      value: seconds,
      limit: maxSeconds,
      remedy: "Ask for 604800 seconds at most.",
    },
  });
}

function sign(keys: CapabilityKeys, subject: CapabilitySubject, expiresAt: number): string {
  const key = keys.current();
  const head = Buffer.alloc(headBytes);
  head.writeUInt8(version, 0);
  head.writeUInt32BE(key.id, 1);
  head.writeUInt32BE(expiresAt, 5);
  const signed = Buffer.concat([head, Buffer.from(encodeSubject(subject))]);
  return Buffer.concat([signed, macOf(key.secret, signed)]).toString("base64url");
}

function macOf(secret: Buffer, signed: Uint8Array): Buffer {
  return createHmac("sha256", secret).update(signed).digest().subarray(0, macBytes);
}

function verify(keys: CapabilityKeys, capability: string, nowMs: number): CapabilitySubject {
  const bytes = Buffer.from(capability, "base64url");
  // Node's decoder is lenient; one capability has one spelling.
  if (bytes.toString("base64url") !== capability || bytes.length <= headBytes + macBytes) throw unknown();
  const signed = bytes.subarray(0, bytes.length - macBytes);
  const key = signed.readUInt8(0) === version ? keys.find(signed.readUInt32BE(1)) : undefined;
  if (key === undefined || !timingSafeEqual(macOf(key.secret, signed), bytes.subarray(signed.length)))
    throw unknown();
  const expiresAt = new Date(signed.readUInt32BE(5) * 1000);
  if (expiresAt.getTime() <= nowMs) {
    throw new ServiceError("FORBIDDEN", `The URL expired at ${expiresAt.toISOString()}.`, {
      details: { expiredAt: expiresAt.toISOString(), remedy: "Ask for a new URL." },
    });
  }
  return decodeSubject(signed.subarray(headBytes).toString()) ?? fail();
}

function unknown(): ServiceError {
  return new ServiceError("NOT_FOUND", "There is nothing at this URL.", {
    details: { remedy: "Use the URL exactly as it was given, or ask for a new one." },
  });
}

function fail(): never {
  throw unknown();
}
