/** JSON text of the database, taken apart without losing a digit. */

/** `JSON.parse` with source access and `JSON.rawJSON`, which Node 24 has and the TypeScript library does not know yet. @source ECMAScript proposal json-parse-with-source, stage 4 */
interface ExactJson {
  parse(
    text: string,
    revive: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
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
