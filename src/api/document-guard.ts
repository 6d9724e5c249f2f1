/** Refuses documents that are too long or too deep before anything recursive looks at them. */

import { ServiceError } from "../errors.ts";
import { type ApiLimits, limitSettings } from "./limits.ts";

/** @throws {LIMIT_EXCEEDED} naming the limit and its setting. */
export function guardDocument(text: string, limits: ApiLimits): void {
  if (text.length > limits.maxDocumentLength) {
    throw exceeded(`The document has ${text.length} characters`, "maxDocumentLength", limits);
  }
  const depth = depthOf(text, limits.maxDepth);
  if (depth > limits.maxDepth)
    throw exceeded(`The document is nested ${depth} levels deep or more`, "maxDepth", limits);
}

function exceeded(what: string, limit: "maxDocumentLength" | "maxDepth", limits: ApiLimits): ServiceError {
  const setting = limitSettings[limit];
  return new ServiceError("LIMIT_EXCEEDED", `${what}; the limit is ${limits[limit]} (${setting}).`, {
    details: { limit: limits[limit], setting },
  });
}

const strings = /"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n\r])*"|#[^\n\r]*|[{}[\]()]/g;

/** Deepest nesting, counted without parsing; stops counting just above `enough`. */
function depthOf(text: string, enough: number): number {
  let depth = 0;
  let deepest = 0;
  for (const [token] of text.matchAll(strings)) {
    if (token === "{" || token === "[" || token === "(") deepest = Math.max(deepest, ++depth);
    else if (token === "}" || token === "]" || token === ")") depth -= 1;
    if (deepest > enough) return deepest;
  }
  return deepest;
}
