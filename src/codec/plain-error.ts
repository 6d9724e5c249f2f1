/** Errors as they go between threads: a copy keeps neither class nor code. */

import { type ErrorCode, type ErrorDetails, errorTable, isServiceError, ServiceError } from "../errors.ts";

/** An error as plain data. */
export interface PlainError {
  readonly code?: ErrorCode;
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly details?: ErrorDetails;
}

/** The error as data that any thread can copy. */
export function plainError(error: unknown): PlainError {
  if (isServiceError(error)) {
    const { code, name, message, stack } = error;
    // Details are JSON by contract; what is not is left out.
    const details: ErrorDetails = JSON.parse(JSON.stringify(error.details));
    return { code, name, message, stack, details };
  }
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  return { name: error.name, message: error.message, stack: error.stack };
}

/** The error again, with its class where it is one of ours. */
export function errorOf(plain: PlainError): Error {
  if (plain.code !== undefined && Object.hasOwn(errorTable, plain.code)) {
    const error = new ServiceError(plain.code, plain.message, { details: plain.details ?? {} });
    return Object.assign(error, plain.stack === undefined ? {} : { stack: plain.stack });
  }
  const error = new Error(plain.message);
  return Object.assign(error, { name: plain.name }, plain.stack === undefined ? {} : { stack: plain.stack });
}
