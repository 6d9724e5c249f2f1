/** Conditional requests: `If-Match`, `If-None-Match`, `If-Range` and the date forms. @source RFC 9110 §13 */

import type { IncomingHttpHeaders } from "node:http";

/** What a representation is compared by. */
export interface Validators {
  /** As it stands in `ETag`, quotes and `W/` included. */
  readonly etag: string;
  readonly modifiedAt?: Date;
}

/** `proceed`, or the status that ends the request. */
export type PreconditionAnswer = "proceed" | 304 | 412;

/** Evaluates the preconditions of a GET or HEAD in the order of RFC 9110 §13.2.2. */
export function checkPreconditions(headers: IncomingHttpHeaders, now: Validators): PreconditionAnswer {
  const ifMatch = headers["if-match"];
  if (ifMatch !== undefined) {
    if (!listMatches(ifMatch, now.etag, "strong")) return 412;
  } else if (isAfter(now.modifiedAt, headers["if-unmodified-since"])) return 412;
  const ifNoneMatch = headers["if-none-match"];
  if (ifNoneMatch !== undefined) return listMatches(ifNoneMatch, now.etag, "weak") ? 304 : "proceed";
  const since = headers["if-modified-since"];
  return now.modifiedAt !== undefined && isDate(since) && !isAfter(now.modifiedAt, since) ? 304 : "proceed";
}

/** Whether a `Range` header counts: without `If-Range` always, else only when it names this very representation. */
export function rangeCounts(headers: IncomingHttpHeaders, now: Validators): boolean {
  const ifRange = headers["if-range"];
  if (ifRange === undefined) return true;
  // A date is never a strong validator here: answering the whole is always right.
  return typeof ifRange === "string" && sameStrong(ifRange.trim(), now.etag);
}

function listMatches(header: string, etag: string, comparison: "strong" | "weak"): boolean {
  if (header.trim() === "*") return true;
  for (const [candidate] of header.matchAll(/(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g)) {
    if (comparison === "strong" ? sameStrong(candidate, etag) : opaque(candidate) === opaque(etag))
      return true;
  }
  return false;
}

function sameStrong(left: string, right: string): boolean {
  return left === right && !left.startsWith("W/");
}

function opaque(etag: string): string {
  return etag.startsWith("W/") ? etag.slice(2) : etag;
}

function isDate(header: string | undefined): header is string {
  return header !== undefined && !Number.isNaN(Date.parse(header));
}

/** Whether `modifiedAt`, cut to the second that HTTP dates have, lies after the header's date. */
function isAfter(modifiedAt: Date | undefined, header: string | undefined): boolean {
  if (modifiedAt === undefined || !isDate(header)) return false;
  return Math.floor(modifiedAt.getTime() / 1000) * 1000 > Date.parse(header);
}
