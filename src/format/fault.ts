/** Errors of the formats, so that every reader and writer says them alike. */

import { ServiceError } from "../errors.ts";

/** Stored bytes that are not in their format. */
export function corrupt(message: string, cause?: unknown): ServiceError {
  return new ServiceError("CODEC_CORRUPT", message, cause === undefined ? {} : { cause });
}

/** A value that the format cannot hold, with the remedy. */
export function invalid(
  message: string,
  details: { readonly value?: unknown; readonly remedy?: string } = {},
): ServiceError {
  const text = details.remedy === undefined ? message : `${message} ${details.remedy}`;
  return new ServiceError("CODEC_INVALID_VALUE", text, { details });
}

/** A value as it may stand in a message: JSON, cut to 80 characters. */
export function shown(value: unknown): string {
  const text = typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
