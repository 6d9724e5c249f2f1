/** What an S3 server, the network or the SDK refuses, told as an error of the service. Secrets never get into it. */

import { type ErrorCode, ServiceError } from "../errors.ts";
import type { S3Settings } from "./s3-config.ts";

/** The permission that an operation needs, by the name that policies give it. */
export type S3Action =
  | "s3:GetObject"
  | "s3:GetObjectVersion"
  | "s3:GetObjectTagging"
  | "s3:PutObjectTagging"
  | "s3:PutObject"
  | "s3:ListBucket"
  | "s3:ListBucketVersions"
  | "s3:DeleteObject"
  | "s3:AbortMultipartUpload"
  | "s3:ListMultipartUploadParts"
  | "s3:ListBucketMultipartUploads";

/** What was tried. */
export interface S3Attempt {
  readonly action: S3Action;
  readonly path?: string;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly what: string;
  readonly remedy: string;
  /** The key of the configuration that is to be mended. */
  readonly key?: string;
}

/** HTTP status of what an SDK call threw; `undefined` when no answer came. */
export function statusOf(error: unknown): number | undefined {
  return numberAt(recordAt(error, "$metadata"), "httpStatusCode");
}

/** S3's code (`NoSuchKey`), the errno name (`ECONNREFUSED`), or the class of the error. */
export function codeNameOf(error: unknown): string {
  const code = textAt(error, "code");
  return code ?? textAt(error, "name") ?? "unknown";
}

const credentials =
  "Correct access_key and secret_key, or take both away to use the machine's own credentials.";
const wait = "Check the server and the network, then try again.";

const meanings: Readonly<Record<string, Meaning>> = {
  NoSuchBucket: config("bucket", "has no such bucket", "Make the bucket, or correct the name."),
  InvalidBucketName: config("bucket", "takes no bucket of this name", "Correct the name."),
  InvalidAccessKeyId: config("access_key", "does not know the access key", credentials),
  XAdminUserNotFound: config("access_key", "does not know the access key", credentials),
  SignatureDoesNotMatch: config("secret_key", "refuses the signature", credentials),
  CredentialsProviderError: config("access_key", "is given no credentials", credentials),
  PermanentRedirect: config(
    "endpoint",
    "has this bucket at another endpoint",
    "Name the region's own endpoint.",
  ),
  AuthorizationHeaderMalformed: config("endpoint", "expects another region", "Set AWS_REGION to it."),
  ExpiredToken: unavailable("says that the credentials have expired", "Renew the credentials."),
  InvalidToken: unavailable(
    "does not take the session token",
    "Renew the credentials, or use keys without one.",
  ),
  RequestTimeTooSkewed: unavailable("has another time than this machine", "Set the clock of this machine."),
  InvalidObjectState: {
    code: "OBJECT_ARCHIVED",
    what: "has archived the object",
    remedy: "Restore it from the archive first.",
  },
  PreconditionFailed: conflict("has bytes already", "Write under another path."),
  ConditionalRequestConflict: conflict("is writing the same key", "Write under another path."),
  ObjectParentIsFile: conflict("has an object where a folder is needed", "Choose another path."),
  ExistingObjectIsDirectory: conflict("has a folder where the object is to lie", "Choose another path."),
  KeyTooLongError: {
    code: "BAD_USER_INPUT",
    what: "takes no path of this length",
    remedy: "Use a shorter path.",
  },
  EntityTooLarge: {
    code: "LIMIT_EXCEEDED",
    what: "takes no object of this size",
    remedy: "Write a smaller one.",
  },
  BadDigest: unavailable("received other bytes than were sent", wait),
  XAmzContentSHA256Mismatch: unavailable("received other bytes than were sent", wait),
  QuotaExceeded: unavailable("is full", "Free some space or raise the quota, then try again."),
  XMinioStorageFull: unavailable("is full", "Free some space, then try again."),
  NotImplemented: unavailable("does not implement what is needed", "Use a server that does."),
  ECONNREFUSED: unavailable("refuses connections", wait),
  ENOTFOUND: config("endpoint", "is at a host that has no address", "Correct the endpoint."),
  TimeoutError: unavailable("does not answer in time", wait),
  EPROTO: config("secure", "does not speak TLS", "Set secure to false, or begin the endpoint with http://."),
  ERR_SSL_WRONG_VERSION_NUMBER: config("secure", "does not speak TLS", "Set secure to false."),
  DEPTH_ZERO_SELF_SIGNED_CERT: certificate("signed by itself"),
  SELF_SIGNED_CERT_IN_CHAIN: certificate("of an unknown authority"),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate("of an unknown authority"),
  CERT_HAS_EXPIRED: certificate("that has expired"),
  ERR_TLS_CERT_ALTNAME_INVALID: certificate("for another host"),
};

function config(key: string, what: string, remedy: string): Meaning {
  return { code: "STORE_UNAVAILABLE", what, remedy, key };
}

function unavailable(what: string, remedy: string): Meaning {
  return { code: "STORE_UNAVAILABLE", what, remedy };
}

function conflict(what: string, remedy: string): Meaning {
  return { code: "STORE_CONFLICT", what, remedy };
}

function certificate(what: string): Meaning {
  return unavailable(
    `has a certificate ${what}`,
    "Mend it, or name its authority in AWS_CA_BUNDLE or NODE_EXTRA_CA_CERTS.",
  );
}

/** Whether a refusal says what is wrong with the credentials, the bucket or the server, rather than with what was asked. */
export function isAboutStore(error: unknown): boolean {
  return meanings[codeNameOf(error)] !== undefined && statusOf(error) !== 501;
}

/** The service's error for what an S3 call threw; errors of ours pass unchanged. */
export function s3Error(settings: S3Settings, attempt: S3Attempt, error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  const name = codeNameOf(error);
  const { code, what, remedy, key } = meanings[name] ?? meaningOfStatus(attempt, statusOf(error), name);
  const of = attempt.path === undefined ? "" : ` (${attempt.path})`;
  const message = `The S3 store ${settings.name} at ${settings.endpoint}, bucket ${settings.bucket}, ${what}${of}.`;
  return new ServiceError(code, message, {
    details: {
      store: settings.name,
      remedy,
      reason: name,
      ...(key === undefined ? {} : { field: `stores.${settings.name}.${key}` }),
      ...(statusOf(error) === 403 ? { permission: attempt.action } : {}),
    },
    cause: plainCause(error),
  });
}

function meaningOfStatus({ action }: S3Attempt, status: number | undefined, name: string): Meaning {
  if (status === 403 || status === 401) {
    return unavailable(
      `denies ${action}`,
      `Allow ${action} to the credentials in use, on bucket and objects.`,
    );
  }
  if (status === 412 || status === 409) return conflict("has bytes already", "Write under another path.");
  if (status === 429 || status === 503) return unavailable("asks to slow down", wait);
  const answer = status === undefined ? "gave no answer" : `answered ${status}`;
  return unavailable(`${answer} (${name})`, wait);
}

/** SDK errors carry requests and answers, signatures included: only what names the fault goes into logs. */
function plainCause(error: unknown): Error {
  const request = textAt(recordAt(error, "$metadata"), "requestId");
  const text = error instanceof Error ? error.message : String(error);
  return new Error(`${codeNameOf(error)}: ${text}${request === undefined ? "" : ` (request ${request})`}`);
}

function recordAt(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function textAt(value: unknown, key: string): string | undefined {
  const found = recordAt(value, key);
  return typeof found === "string" && found !== "" ? found : undefined;
}

function numberAt(value: unknown, key: string): number | undefined {
  const found = recordAt(value, key);
  return typeof found === "number" ? found : undefined;
}
