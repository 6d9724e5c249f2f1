/** Headers of tus 1.0.0, read and written. @source https://tus.io/protocols/resumable-upload */

import type { IncomingHttpHeaders } from "node:http";
import type { AppendRequest, ResumeState } from "../object/contract.ts";
import { badRequest } from "./error-reply.ts";

export const tusVersion = "1.0.0";

const digestBytes: Readonly<Record<string, number>> = { md5: 16, sha1: 20, sha256: 32 };

/** What the endpoint can do, for OPTIONS. */
export function tusAbilities(maxBytes: number): Readonly<Record<string, string>> {
  return {
    "tus-version": tusVersion,
    "tus-extension": "creation-defer-length,checksum,expiration,termination",
    "tus-checksum-algorithm": Object.keys(digestBytes).join(","),
    "tus-max-size": String(maxBytes),
  };
}

/** What a page of another origin may ask, and see of the answer. */
export const tusPreflight = {
  "access-control-allow-methods": "HEAD, PATCH, DELETE, POST, OPTIONS",
  "access-control-allow-headers":
    "Content-Type, Tus-Resumable, Upload-Checksum, Upload-Length, Upload-Offset, X-HTTP-Method-Override, X-Requested-With",
  "access-control-max-age": "86400",
} as const;

export const tusExposed =
  "Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Defer-Length, Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset, Retry-After, X-Request-Id";

/** @throws {BAD_REQUEST} 412 when the client speaks another version. */
export function checkVersion(headers: IncomingHttpHeaders): void {
  const version = headers["tus-resumable"];
  if (version === tusVersion) return;
  throw badRequest(
    version === undefined
      ? "This URL takes resumable uploads by tus: the header Tus-Resumable is missing."
      : `This server speaks tus ${tusVersion}, not ${String(version).slice(0, 20)}.`,
    412,
    `Send Tus-Resumable: ${tusVersion}, as tus clients do; a file in one piece is PUT to the upload's url.`,
  );
}

/** What a PATCH announces. @throws {BAD_REQUEST} for a header that is missing or malformed. */
export function announced(headers: IncomingHttpHeaders): Omit<AppendRequest, "body"> {
  const type = headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/offset+octet-stream")
    throw badRequest("PATCH takes Content-Type: application/offset+octet-stream.", 415);
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    throw badRequest(`Bytes are stored as they come: send them without Content-Encoding (${encoding}).`, 415);
  const offset = bytesIn(headers, "Upload-Offset");
  if (offset === undefined) throw badRequest("PATCH needs the header Upload-Offset.");
  const bodyBytes = bytesIn(headers, "Content-Length");
  const sizeBytes = bytesIn(headers, "Upload-Length");
  const checksum = checksumIn(headers["upload-checksum"]);
  return {
    offset,
    ...(bodyBytes === undefined ? {} : { bodyBytes }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(checksum === undefined ? {} : { checksum }),
  };
}

function bytesIn(headers: IncomingHttpHeaders, name: string): number | undefined {
  const text = headers[name.toLowerCase()];
  if (text === undefined) return undefined;
  const value = typeof text === "string" && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw badRequest(`${name} is no number of bytes: ${JSON.stringify(String(text).slice(0, 40))}.`);
}

function checksumIn(text: string | string[] | undefined): AppendRequest["checksum"] {
  if (text === undefined) return undefined;
  const [, algorithm = "", value = ""] = /^([a-z0-9]+) ([A-Za-z0-9+/]+={0,2})$/.exec(String(text)) ?? [];
  const digest = Buffer.from(value, "base64");
  if (algorithm in digestBytes && digest.length === digestBytes[algorithm])
    return { algorithm: algorithm as "md5" | "sha1" | "sha256", digest }; // as: a key of the table
  throw badRequest(
    `Upload-Checksum is an algorithm of ${Object.keys(digestBytes).join(", ")}, a blank, and the digest in base64.`,
  );
}

/** How far an upload has come. */
export function stateHeaders(state: ResumeState): Readonly<Record<string, string>> {
  return {
    "upload-offset": String(state.offset),
    "upload-expires": state.expiresAt.toUTCString(),
    ...(state.sizeBytes === undefined
      ? { "upload-defer-length": "1" }
      : { "upload-length": String(state.sizeBytes) }),
    "upload-metadata": `filename ${Buffer.from(state.filename).toString("base64")}`,
  };
}
