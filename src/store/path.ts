/** The rules that every path in a store keeps, whoever wrote it: `docs/reference/stores.md`, "Paths". */

import { ServiceError } from "../errors.ts";

/** Longest path, in bytes of UTF-8: a locator (store, `:`, path) holds 1100, a store name 63. */
const maxPathBytes = 1000;
/** Longest segment, in bytes of UTF-8: what file systems take. */
const maxSegmentBytes = 255;

/** Name of a file that is still being written, by one request or (with the second dash) by several; never an object. */
const partialName = /^\.holdfast-[0-9a-z]{20}-?[0-9a-z]{4}\.part$/;

/** Answers `path` when it is canonical. @throws {BAD_USER_INPUT} for an empty, `.` or `..` segment, a backslash, a control character, an absolute or an over-long path. */
export function checkPath(path: string): string {
  const wrong = faultOf(path);
  if (wrong === undefined) return path;
  throw new ServiceError("BAD_USER_INPUT", `The path ${JSON.stringify(shorten(path))} ${wrong}.`, {
    details: {
      field: "path",
      value: shorten(path),
      remedy: "Use segments of ordinary characters joined by single '/', relative to the store.",
    },
  });
}

/** Whether `path` is canonical. */
export function isCanonicalPath(path: string): boolean {
  return faultOf(path) === undefined;
}

function faultOf(path: string): string | undefined {
  if (path === "") return "is empty";
  if (!path.isWellFormed()) return "is not valid Unicode";
  if (path.startsWith("/")) return "is absolute";
  if (/\p{Cc}/u.test(path)) return "has a control character";
  if (path.includes("\\")) return "has a backslash";
  if (Buffer.byteLength(path) > maxPathBytes) return `is longer than ${maxPathBytes} bytes`;
  for (const segment of path.split("/")) {
    if (segment === "") return "has an empty segment";
    if (segment === "." || segment === "..") return `has a segment ${JSON.stringify(segment)}`;
    if (Buffer.byteLength(segment) > maxSegmentBytes) return `has a segment over ${maxSegmentBytes} bytes`;
    if (partialName.test(segment)) return "has a segment reserved for unfinished files";
  }
  return undefined;
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 197)}...`;
}

/** Byte order of the UTF-8 forms, which is the order of `COLLATE "C"`; JavaScript's own compares UTF-16 units. Takes no memory. */
export function compareBytes(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) {
    const one = left.charCodeAt(at);
    const other = right.charCodeAt(at);
    if (one !== other) return rankOf(one) - rankOf(other);
  }
  return left.length - right.length;
}

/** Halves of characters beyond U+FFFF come after all others in UTF-8, and before U+E000 in UTF-16. */
function rankOf(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
