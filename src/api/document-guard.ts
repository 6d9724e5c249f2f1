/**
 * Refuses documents that would cost too much to parse or validate, before anything recursive or quadratic looks at them: one pass over the
 * tokens, without a tree. What it counts of a malformed document does not matter, the parser refuses that.
 */

import { type ApiLimits, beyondLimit } from "./limits.ts";

/** @throws {LIMIT_EXCEEDED} naming the limit and its setting. */
export function guardDocument(text: string, limits: ApiLimits): void {
  if (text.length > limits.maxDocumentLength)
    throw beyondLimit(`The document has ${text.length} characters`, "maxDocumentLength", limits);
  const scan: Scan = {
    limits,
    open: [],
    fragments: newPlace(),
    counts: { tokens: 0, definitions: 0, aliases: 0, repeats: 0 },
  };
  for (const [token] of text.matchAll(tokens)) {
    if (token.startsWith("#")) continue;
    count(scan, "tokens", "maxTokens", "tokens");
    step(scan, token);
  }
}

const tokens =
  /"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n\r])*"|#[^\n\r]*|\.\.\.|[_A-Za-z][_0-9A-Za-z]*|-?\d[\d.eE+-]*|[^\s,\ufeff]/g;

/** One response path of a document, and how often it is selected. */
interface Place {
  readonly inner: Map<string, Place>;
  times: number;
}

/** An open bracket; `place` where it is a selection set. */
interface Open {
  readonly kind: string;
  readonly place?: Place;
  /** The last name read in a selection set: a field, unless a colon makes it an alias or it follows `...` or `@`. */
  field?: Place;
}

interface Scan {
  readonly limits: ApiLimits;
  readonly open: Open[];
  /** All fragments share one: where they are spread is not known yet, it may be the same place. */
  readonly fragments: Place;
  readonly counts: Record<"tokens" | "definitions" | "aliases" | "repeats", number>;
  before?: string;
  /** Keyword of the definition that is being read. */
  definition?: string;
}

function newPlace(): Place {
  return { inner: new Map(), times: 0 };
}

type Limit = "maxTokens" | "maxDefinitions" | "maxAliases" | "maxRepeats";

function count(scan: Scan, of: keyof Scan["counts"], limit: Limit, what: string, by = 1): void {
  scan.counts[of] += by;
  if (scan.counts[of] > scan.limits[limit])
    throw beyondLimit(`The document has more than ${scan.limits[limit]} ${what}`, limit, scan.limits);
}

function step(scan: Scan, token: string): void {
  const { open } = scan;
  if (token === "{" || token === "[" || token === "(") enter(scan, token);
  else if (token === "}" || token === "]" || token === ")") open.pop();
  else if (open.length === 0) outside(scan, token);
  else inside(scan, token);
  scan.before = token;
}

function outside(scan: Scan, token: string): void {
  if (token === "fragment" || token === "query" || token === "mutation" || token === "subscription")
    scan.definition ??= token;
}

function enter(scan: Scan, kind: string): void {
  const { open, limits } = scan;
  const around = open.at(-1);
  if (kind !== "{" || (around !== undefined && around.place === undefined)) open.push({ kind });
  else if (around?.place !== undefined) open.push({ kind, place: around.field ?? around.place });
  else {
    count(scan, "definitions", "maxDefinitions", "operations and fragments");
    open.push({ kind, place: scan.definition === "fragment" ? scan.fragments : newPlace() });
    delete scan.definition;
  }
  if (open.length > limits.maxDepth)
    throw beyondLimit(`The document is nested ${open.length} levels deep or more`, "maxDepth", limits);
}

/** Names in a selection set. A set behind `...`, a type condition or a directive there belongs to the place around it. */
function inside(scan: Scan, token: string): void {
  const { before } = scan;
  const set = scan.open.at(-1);
  if (set?.place === undefined) return;
  if (token === ":") count(scan, "aliases", "maxAliases", "aliases");
  if (token === "...") delete set.field;
  if (!/^[_A-Za-z]/.test(token) || before === "..." || before === "@" || before === ":") return;
  if (before === "on" && set.field === undefined) return;
  const place = set.place.inner.get(token) ?? newPlace();
  set.place.inner.set(token, place);
  count(scan, "repeats", "maxRepeats", "pairs of selections of the same field", place.times++);
  set.field = place;
}
