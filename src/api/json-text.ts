/** JSON text, of the database and of requests, taken apart without losing a digit. */

/** `JSON.parse` with source access and `JSON.rawJSON`, which Node 24 has and the TypeScript library does not know yet. @source ECMAScript proposal json-parse-with-source, stage 4 */
interface ExactJson {
  parse(
    text: string,
    revive: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
}
// The engine has these functions; see ExactJson.
const exact = JSON as unknown as ExactJson;

/** Parses; numbers that JavaScript would round stay their text, and `JSON.stringify` writes them as they were. */
export function parseExact(text: string): unknown {
  return exact.parse(text, (_, value, context) => {
    if (typeof value !== "number" || context.source === undefined) return value;
    // JSON.stringify drops the sign of zero too, and makes null of what is beyond the floats.
    if (context.source.length <= 15 && Number.isFinite(value) && !Object.is(value, -0)) return value;
    return String(value) === context.source ? value : exact.rawJSON(context.source);
  });
}

/** A whole number of a JSON text, and where it stands: `variables.rows.3.settings.serial`. */
export interface PlacedNumber {
  readonly path: string;
  readonly digits: string;
}

/** A cheap look first: 16 digits that are no part of a text are rare. */
const longNumber = /[[:,\s]-?\d{16,}\s*[,\]}]/;

/** A whole number that `JSON.parse` would round to another one, as 2^53 + 1; undefined also for what is no JSON. */
export function roundedInteger(text: string): PlacedNumber | undefined {
  if (!longNumber.test(text)) return undefined;
  const waiting: { readonly path: string; readonly value: unknown }[] = [{ path: "", value: parsed(text) }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { path, value } = next;
    if (typeof value !== "object" || value === null) continue;
    if (!exact.isRawJSON(value)) {
      for (const [key, item] of Object.entries(value))
        waiting.push({ path: path === "" ? key : `${path}.${key}`, value: item });
    } else if (isRounded(value.rawJSON)) return { path, digits: value.rawJSON };
  }
  return undefined;
}

/** Whether the digits of a whole number change when they become a 64-bit float. */
export function isRounded(digits: string): boolean {
  if (!/^-?\d+$/.test(digits)) return false;
  const number = Number(digits);
  // What JavaScript itself writes for a float of that size is meant as that float.
  if (String(number) === digits) return false;
  return !Number.isFinite(number) || BigInt(number) !== BigInt(digits);
}

function parsed(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}
