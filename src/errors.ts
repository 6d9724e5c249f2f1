/**
 * The one error class of Holdfast and the table of its codes.
 *
 * A code that is not in this table does not exist. `docs/reference/errors.md` documents each one; a test compares the two, both ways.
 */

interface ErrorKind {
  /** What went wrong, in one line. */
  readonly meaning: string;
  /** HTTP status where the error ends a request outside GraphQL. */
  readonly httpStatus: number;
  /** Exit code of the command line: 1 failed, 2 usage, 3 not found, 4 pending or conflict, 5 integrity damage, 6 unreachable, 7 not allowed. */
  readonly exitCode: 1 | 2 | 3 | 4 | 5 | 6 | 7;
  /** True when the same call may succeed later, unchanged. */
  readonly retryable: boolean;
  /** False: the client sees an id instead of the message, the log has the rest. */
  readonly exposed: boolean;
}

function kind(
  httpStatus: number,
  exitCode: ErrorKind["exitCode"],
  meaning: string,
  more: { retryable?: boolean; exposed?: boolean } = {},
): ErrorKind {
  return { httpStatus, exitCode, meaning, retryable: more.retryable ?? false, exposed: more.exposed ?? true };
}

/** Every error code, its meaning, HTTP status, exit code, and whether it is retryable and shown to clients. */
export const errorTable = {
  BAD_USER_INPUT: kind(400, 2, "A value in the request is not valid."),
  BAD_REQUEST: kind(400, 2, "The request is malformed."),
  UNAUTHENTICATED: kind(401, 7, "The request carries no valid token."),
  FORBIDDEN: kind(403, 7, "The token does not allow this."),
  NOT_FOUND: kind(404, 3, "There is no such thing."),
  CONFLICT: kind(409, 4, "The row or object was changed or is in use; try again.", { retryable: true }),
  CONSTRAINT_VIOLATION: kind(
    409,
    4,
    "A rule of the tables refuses the change: a key, a unique, a reference.",
  ),
  PRECONDITION_FAILED: kind(412, 4, "The row is not in the version that the request named."),
  JOB_LOST: kind(
    409,
    4,
    "The reservation of a job is over: the job is somebody else's by now, or it has ended.",
  ),
  LIMIT_EXCEEDED: kind(413, 2, "A documented limit was exceeded; the message names it."),
  CHANGES_GONE: kind(
    410,
    4,
    "Changes that a subscription should tell are no longer kept; read the rows anew.",
  ),
  RATE_LIMITED: kind(429, 4, "Too many requests.", { retryable: true }),
  RANGE_NOT_SATISFIABLE: kind(416, 2, "The requested byte range lies beyond the end."),
  HOST_NOT_ALLOWED: kind(421, 7, "The Host header names a host this server does not serve."),
  CODEC_UNKNOWN: kind(400, 2, "No codec of this name is loaded."),
  CODEC_UNAVAILABLE: kind(409, 1, "The row was written by a codec that is not loaded."),
  CODEC_INVALID_VALUE: kind(400, 2, "The codec cannot store this value."),
  CODEC_CORRUPT: kind(500, 5, "The stored bytes are not in the codec's format."),
  VALUE_NOT_FINITE: kind(500, 1, "The row holds NaN or an infinity, which the type Float cannot carry."),
  OBJECT_MISSING: kind(500, 5, "A row refers to an object that its store does not have."),
  OBJECT_CORRUPT: kind(500, 5, "An object's bytes do not have the recorded digest or size."),
  OBJECT_ARCHIVED: kind(409, 4, "The object is archived and must be restored first."),
  REFERENCE_CHANGED: kind(409, 4, "The value was replaced while it was being read.", { retryable: true }),
  STORE_UNKNOWN: kind(400, 2, "No store of this name is configured."),
  STORE_UNAVAILABLE: kind(503, 6, "The store cannot be reached or refuses to work.", { retryable: true }),
  STORE_CONFLICT: kind(409, 4, "The store already has bytes under this key."),
  UPLOAD_EXPIRED: kind(410, 4, "The upload has expired or was used already; create another."),
  UPLOAD_MISMATCH: kind(422, 1, "The bytes received are not those that were declared."),
  IMPORT_REFUSED: kind(403, 7, "The service does not import from this URL."),
  IMPORT_FAILED: kind(502, 6, "The server that was to be imported from gave no file.", { retryable: true }),
  BACKUP_INVALID: kind(422, 5, "The backup file is not whole, was changed, or is no backup."),
  SCHEMA_INVALID: kind(400, 1, "The schema file has errors."),
  DESTRUCTIVE_CHANGE: kind(409, 4, "Applying the schema would drop data; it needs --allow-destructive."),
  SERVER_UNAVAILABLE: kind(503, 6, "No Holdfast server answers at the address.", { retryable: true }),
  SCHEMA_DRIFT: kind(503, 4, "The database lacks a table or column that the schema file describes."),
  DATABASE_UNAVAILABLE: kind(503, 6, "PostgreSQL cannot be reached.", { retryable: true }),
  DATABASE_INCOMPATIBLE: kind(500, 6, "The database was set up by another version of Holdfast."),
  ADDRESS_IN_USE: kind(500, 6, "The port is taken by another program."),
  DATA_IN_USE: kind(500, 4, "Another process is using the data folder."),
  CONFIG_INVALID: kind(500, 2, "A setting is wrong."),
  INTERNAL_SERVER_ERROR: kind(500, 1, "Something unforeseen; the log has the rest under the id.", {
    exposed: false,
  }),
} as const satisfies Record<string, ErrorKind>;

/** One of the codes of {@link errorTable}. */
export type ErrorCode = keyof typeof errorTable;

/** What an error may tell besides its message; every part is safe to show. */
export interface ErrorDetails {
  /** Field, argument or column at fault, as the caller knows it, with `.` between levels. */
  readonly field?: string;
  /** The value at fault, shortened. */
  readonly value?: unknown;
  /** What to do about it. */
  readonly remedy?: string;
  readonly constraint?: string;
  readonly limit?: number;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** Numbers of parts of an upload. */
  readonly missingParts?: readonly number[];
  readonly wrongParts?: readonly number[];
  /** More than one problem found in one go. */
  readonly problems?: readonly unknown[];
  readonly [more: string]: unknown;
}

const brand = Symbol.for("holdfast.ServiceError");

/** The only error that Holdfast throws on purpose: a stable code, a message for humans, details, and the cause. */
export class ServiceError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  /** Also those that a plugin makes with a copy of Holdfast of its own are ours. */
  readonly [brand] = true;

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ServiceError";
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Whether `error` is a {@link ServiceError}, of the given code if one is given. */
export function isServiceError(error: unknown, code?: ErrorCode): error is ServiceError {
  if (!(error instanceof Error) || !(brand in error)) return false;
  const told: unknown = Reflect.get(error, "code");
  return typeof told === "string" && Object.hasOwn(errorTable, told) && (code === undefined || told === code);
}
