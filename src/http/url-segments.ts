/** The segments of a URL path, decoded once and refused where they could lead anywhere else. */

import { badRequest } from "./error-reply.ts";

/** How often a segment is decoded to look for a disguised `..`; a text that still changes then is refused. */
const maxDecodings = 8;

/**
 * Splits what follows `prefix` in a raw request target. The query is left out.
 * @throws {BAD_REQUEST} for empty segments (one at the end is allowed), `.` and `..`, separators and control characters, however encoded.
 */
export function segmentsAfter(prefix: string, target: string): string[] {
  const path = target.split(/[?#]/, 1)[0] ?? "";
  const raw = path.slice(prefix.length).split("/");
  if (raw.length > 1 && raw.at(-1) === "") raw.pop();
  return raw.map((segment) => {
    const wrong = faultOf(segment);
    if (wrong !== undefined) throw badRequest(`The path of the URL has a segment that ${wrong}.`);
    return decodeURIComponent(segment);
  });
}

function faultOf(raw: string): string | undefined {
  if (raw === "") return "is empty";
  let text = raw;
  for (let round = 0; round < maxDecodings; round += 1) {
    const wrong = plainFault(text);
    if (wrong !== undefined) return wrong;
    const decoded = decodeOnce(text);
    if (decoded === undefined) return round === 0 ? "is not valid percent-encoded UTF-8" : undefined;
    if (decoded === text) return undefined;
    text = decoded;
  }
  return "is encoded too many times";
}

function plainFault(text: string): string | undefined {
  if (text === "." || text === "..") return "is . or ..";
  if (/[/\\]/.test(text)) return "holds a path separator";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  return /[\u0000-\u001f\u007f]/.test(text) ? "holds a control character" : undefined;
}

function decodeOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
