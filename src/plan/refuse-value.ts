import { ServiceError } from "../errors.ts";

/** Refuses one value of the request: names the field, shows the value shortened, says what to do. @throws {BAD_USER_INPUT} always. */
export function refuseValue(field: string, value: unknown, fault: string, remedy: string): never {
  throw new ServiceError("BAD_USER_INPUT", `${field}: ${shorten(value)} ${fault}. ${remedy}`, {
    details: { field, value: shorten(value), remedy },
  });
}

/** A value as an error message shows it: JSON, at most 80 characters. */
export function shorten(value: unknown): string {
  const text = typeof value === "bigint" ? String(value) : (plain(value) ?? String(value));
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
}

function plain(value: unknown): string | undefined {
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "string") return JSON.stringify(value.slice(0, 100));
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner));
}

/** The text, if PostgreSQL can hold it. @throws {BAD_USER_INPUT} for NUL and for halves of surrogate pairs. */
export function storableText(text: string, field: string): string {
  if (text.includes("\0"))
    refuseValue(
      field,
      text,
      "contains the character NUL (U+0000)",
      "PostgreSQL cannot store it in text; remove it or use Bytes.",
    );
  if (!text.isWellFormed())
    refuseValue(field, text, "contains half of a surrogate pair", "Send well-formed Unicode text.");
  return text;
}
