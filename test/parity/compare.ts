/** The service's answer against the oracle's: byte for byte where bytes are documented, by meaning where texts are opaque. */

import { type Json, NumberText, plainNumber } from "./json.ts";
import type { Wanted } from "./oracle/answer.ts";
import { Approximate } from "./oracle/floats.ts";
import { type Meanings, opaqueParts } from "./oracle/meanings.ts";

type Step = string | number;

/** The first difference; absent where there is none. */
export function difference(found: Json, wanted: Wanted, meanings: Meanings): string | undefined {
  const { data, errors } = partsOf(found);
  if (wanted.kind === "refused") {
    if (data !== undefined)
      return `answered, but must be refused: ${JSON.stringify(wanted.messages ?? [...(wanted.codes ?? [])])}`;
    if (wanted.messages !== undefined) return messagesDifference(errors, wanted.messages);
    const strange = errors.find(({ code }) => wanted.codes?.has(code) !== true);
    return errors.length === 0 || strange !== undefined
      ? `refused with ${strange?.code}, not ${[...(wanted.codes ?? [])].join(" or ")}: ${strange?.message}`
      : undefined;
  }
  if (data === undefined && wanted.mayRefuse && errors.every(({ code }) => code === "BAD_USER_INPUT"))
    return undefined;
  if (data === undefined)
    return `refused, but must be answered: ${errors.map(({ message }) => message).join(" | ")}`;
  return (
    valueDifference(meanings, [data, plain(wanted.data)], []) ?? errorsDifference(errors, wanted.errors, data)
  );
}

interface FoundError {
  readonly code: string;
  readonly message: string;
  readonly path: string;
}

function partsOf(found: Json): { readonly data: Json | undefined; readonly errors: readonly FoundError[] } {
  // The body of an answer, as GraphQL over HTTP has it.
  const body = found as {
    readonly data?: Json;
    readonly errors?: readonly {
      readonly message: string;
      readonly path?: readonly Json[];
      readonly extensions?: { readonly code?: string };
    }[];
  };
  const errors = (body.errors ?? []).map(({ message, path, extensions }) => ({
    message,
    code: extensions?.code ?? "",
    path: (path ?? []).map((step) => (step instanceof NumberText ? step.text : String(step))).join("."),
  }));
  return { data: body.data, errors };
}

/** What a scalar's remedy says is the service's own; all before it is graphql-js's and the value's. */
const withoutRemedy = (message: string): string => message.replace(/(\w+ cannot represent )[\s\S]*$/, "$1…");

function messagesDifference(errors: readonly FoundError[], wanted: readonly string[]): string | undefined {
  const [a, b] = [errors.map(({ message }) => withoutRemedy(message)), wanted.map(withoutRemedy)];
  return JSON.stringify(a) === JSON.stringify(b)
    ? undefined
    : `messages ${JSON.stringify(a)}, but must be ${JSON.stringify(b)}`;
}

/** Where null spreads over several errors, one of them is enough for graphql-js; all may be told. */
function errorsDifference(
  found: readonly FoundError[],
  wanted: readonly { readonly path: string; readonly code: string }[],
  data: Json,
): string | undefined {
  const text = (one: { readonly path: string; readonly code: string }) => `${one.code} at ${one.path}`;
  const told = new Set(found.map(text));
  const missing = wanted.find((one) => !told.has(text(one)));
  if (missing !== undefined) return `no error ${text(missing)}, but ${[...told].join(", ") || "none"}`;
  const ends = new Set(wanted.map(({ path }) => nullAt(data, path)));
  const extra = found.find((one) => !ends.has(nullAt(data, one.path)));
  if (extra !== undefined) return `an error ${text(extra)} that must not be`;
  return told.size === found.length ? undefined : "an error told twice";
}

/** Where on the way to `path` the data are null. */
function nullAt(data: Json, path: string): string {
  let at: Json | undefined = data;
  const steps: string[] = [];
  for (const step of path.split(".")) {
    if (at === null || at === undefined || typeof at !== "object") break;
    at = (at as Readonly<Record<string, Json>>)[step]; // objects and lists are read alike
    steps.push(step);
  }
  return steps.join(".");
}

/** graphql-js answers objects without a prototype, which are read as others. */
function plain(value: unknown): unknown {
  return value === undefined ? null : value;
}

function valueDifference(
  meanings: Meanings,
  [found, wanted]: readonly [Json | undefined, unknown],
  path: readonly Step[],
): string | undefined {
  const differ = (): string => `${path.join(".")}: ${shown(found)}, but must be ${shown(wanted)}`;
  if (typeof wanted === "string") {
    const parts = opaqueParts(wanted);
    if (typeof found !== "string") return differ();
    const wrong = parts === undefined ? undefined : meanings.learn(found, parts);
    if (parts !== undefined) return wrong === undefined ? undefined : `${path.join(".")}: ${wrong}`;
    return found === wanted ? undefined : differ();
  }
  if (wanted instanceof Approximate) return isNear(found, wanted) ? undefined : differ();
  if (wanted instanceof NumberText)
    return found instanceof NumberText && plainNumber(found.text) === plainNumber(wanted.text)
      ? undefined
      : differ();
  if (typeof wanted === "number")
    return found instanceof NumberText && Object.is(Number(found.text), wanted) ? undefined : differ();
  if (wanted === null || typeof wanted !== "object") return found === wanted ? undefined : differ();
  if (found === null || typeof found !== "object" || found instanceof NumberText) return differ();
  return insideDifference(meanings, [found, wanted], path) ?? undefined;
}

function insideDifference(
  meanings: Meanings,
  [found, wanted]: readonly [object, object],
  path: readonly Step[],
): string | undefined {
  if (Array.isArray(found) !== Array.isArray(wanted)) return `${path.join(".")}: a list on one side only`;
  const [keys, others] = [Object.keys(found), Object.keys(wanted)];
  if (JSON.stringify(keys) !== JSON.stringify(others))
    return `${path.join(".")}: keys ${Array.isArray(found) ? keys.length : JSON.stringify(keys)}, but must be ${Array.isArray(found) ? others.length : JSON.stringify(others)}`;
  const [a, b] = [found as Readonly<Record<string, Json>>, wanted as Readonly<Record<string, unknown>>]; // just compared
  for (const key of keys) {
    const inner = valueDifference(meanings, [a[key], b[key]], [...path, key]);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function isNear(found: Json | undefined, { value, slack }: Approximate): boolean {
  if (!(found instanceof NumberText))
    return found === String(value) || (slack > 1e290 && typeof found === "string");
  const number = Number(found.text);
  return Object.is(number, value) || Math.abs(number - value) <= slack;
}

function shown(value: unknown): string {
  const text = value instanceof NumberText ? value.text : (JSON.stringify(value) ?? String(value));
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
