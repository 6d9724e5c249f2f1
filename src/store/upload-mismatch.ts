/** A body that is not what was declared, told the same way by every driver. */

import { ServiceError } from "../errors.ts";

interface Declared {
  readonly path: string;
  readonly sizeBytes?: number;
  readonly sha256?: string;
}

export function sizeMismatch(declared: Declared, received: number, isAll: boolean): ServiceError {
  const arrived = isAll ? `${received}` : `at least ${received}`;
  return mismatch(
    "sizeBytes",
    received,
    `${declared.path} was to have ${declared.sizeBytes} bytes, but ${arrived} arrived.`,
  );
}

export function digestMismatch(declared: Declared, found: string | undefined): ServiceError {
  return mismatch(
    "sha256",
    found,
    `${declared.path} was to have the SHA-256 ${declared.sha256}, but has ${found}.`,
  );
}

function mismatch(field: string, value: unknown, message: string): ServiceError {
  return new ServiceError("UPLOAD_MISMATCH", message, {
    details: { field, value, remedy: "Send exactly the declared bytes." },
  });
}
