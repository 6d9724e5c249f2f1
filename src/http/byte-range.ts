/** The `Range` header. @source RFC 9110 §14 */

/** Half open, in bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** `whole`: answer 200 with everything; `unsatisfiable`: answer 416. */
export type RangeAnswer = ByteRange | "whole" | "unsatisfiable";

/**
 * What of `sizeBytes` bytes a `Range` header asks for. A header that is malformed, of another unit or of several ranges is
 * ignored, as the RFC allows: several ranges would let one request ask for the same bytes many times.
 */
export function parseRange(header: string | undefined, sizeBytes: number): RangeAnswer {
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? "");
  if (match === null) return "whole";
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return "whole";
  return first === "" ? suffix(Number(last), sizeBytes) : between(Number(first), last, sizeBytes);
}

function suffix(length: number, sizeBytes: number): RangeAnswer {
  if (length === 0) return "unsatisfiable";
  // No Content-Range can name zero bytes, and a suffix longer than the object means the whole of it.
  if (sizeBytes === 0) return "whole";
  return { start: Math.max(0, sizeBytes - length), end: sizeBytes };
}

function between(first: number, last: string, sizeBytes: number): RangeAnswer {
  if (last !== "" && Number(last) < first) return "whole";
  if (first >= sizeBytes) return "unsatisfiable";
  return { start: first, end: last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes) };
}
