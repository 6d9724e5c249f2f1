/** Scalars of the API as text that PostgreSQL's input functions take, exactly. */

import type { EnumType } from "../model/model.ts";
import { refuseValue } from "./refuse-value.ts";

const integerRange: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int8: [-128n, 127n],
  smallint: [-32_768n, 32_767n],
  integer: [-2_147_483_648n, 2_147_483_647n],
  bigint: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** The stored text of an enum value given by its GraphQL name. @throws {BAD_USER_INPUT} for another name. */
export function enumText(type: EnumType, value: unknown, field: string): string {
  const found = type.values.find((candidate) => candidate.name === value);
  if (found === undefined)
    return refuseValue(
      field,
      value,
      `is no ${type.name}`,
      `Use one of ${type.values.map((one) => one.name).join(", ")}.`,
    );
  return found.stored;
}

/** Decimal digits of a whole number within the range of `type`. @throws {BAD_USER_INPUT} otherwise. */
export function integerText(value: unknown, field: string, type: string): string {
  // Most are such numbers, and bulk creates have thousands.
  if (type === "integer" && typeof value === "number" && (value | 0) === value) return String(value);
  const whole =
    (typeof value === "number" && Number.isSafeInteger(value)) ||
    typeof value === "bigint" ||
    (typeof value === "string" && /^[+-]?\d{1,30}$/.test(value));
  // The test above leaves numbers, bigints and digit strings.
  const exact = whole ? BigInt(value as number | bigint | string) : undefined;
  const [low, high] = integerRange[type] ?? [0n, 0n];
  if (exact === undefined)
    return refuseValue(
      field,
      value,
      "is no whole number",
      "Beyond ±9007199254740991 write the digits as a string.",
    );
  if (exact < low || exact > high)
    return refuseValue(field, value, `is out of range of ${type}`, `Use ${low} to ${high}.`);
  return exact.toString();
}

/** Shortest exact text of a float; `NaN`, `Infinity`, `-Infinity` as PostgreSQL spells them. @throws {BAD_USER_INPUT} */
export function floatText(value: unknown, field: string, single: boolean): string {
  const number = typeof value === "string" && /^(NaN|-?Infinity)$/.test(value) ? Number(value) : value;
  if (typeof number !== "number") return refuseValue(field, value, "is no number", "Write a number.");
  const kept = single ? Math.fround(number) : number;
  if (Number.isFinite(number) && (!Number.isFinite(kept) || (kept === 0 && number !== 0)))
    return refuseValue(
      field,
      value,
      "is out of range of float32",
      "Declare the column as float64, or rescale the value.",
    );
  return Object.is(kept, -0) ? "-0" : String(kept);
}

/** `true` or `false`. @throws {BAD_USER_INPUT} */
export function booleanText(value: unknown, field: string): string {
  if (typeof value !== "boolean") return refuseValue(field, value, "is no Boolean", "Write true or false.");
  return String(value);
}

/** Lower-case, with hyphens. @throws {BAD_USER_INPUT} */
export function uuidText(value: unknown, field: string): string {
  const match = typeof value === "string" ? /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.exec(value) : null;
  if (match === null) return refuseValue(field, value, "is no UUID", "Write 32 hex digits as 8-4-4-4-12.");
  return match[0].toLowerCase();
}

/** `\\x` and hex digits, from bytes or base64. @throws {BAD_USER_INPUT} */
export function bytesText(value: unknown, field: string): string {
  if (value instanceof Uint8Array)
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}`;
  const bytes = typeof value === "string" ? Buffer.from(value, "base64") : undefined;
  // Two at most, as a longer pattern would look at each run of them again and again.
  const bare = (text: string) => text.replace(/={1,2}$/, "");
  if (bytes === undefined || bare(bytes.toString("base64")) !== bare(String(value)))
    return refuseValue(field, value, "is not base64", "Encode the bytes as base64 (RFC 4648, section 4).");
  return `\\x${bytes.toString("hex")}`;
}
