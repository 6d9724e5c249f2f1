import { refuseValue } from "./refuse-value.ts";

/**
 * Exact text of a decimal with `scale` digits after the point, for `numeric(precision, scale)`; as given where the column has no scale.
 * @throws {BAD_USER_INPUT} when it is no number, has more digits than the column keeps, or is too large.
 */
export function decimalText(
  value: unknown,
  field: string,
  size?: { precision: number; scale: number },
): string {
  const text = typeof value === "number" || typeof value === "bigint" ? String(value) : value;
  const match =
    typeof text === "string"
      ? /^([+-]?)(?=\.?\d)(\d{0,2000})(?:\.(\d{0,2000}))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text)
      : null;
  if (match === null)
    return refuseValue(field, value, "is not a decimal number", 'Write digits, for example "-12.50".');
  const { whole, fraction } = shift(match[2] || "0", match[3] ?? "", Number(match[4] ?? 0));
  const sign = match[1] === "-" && /[1-9]/.test(whole + fraction) ? "-" : "";
  if (size === undefined) return sign + whole + (fraction === "" ? "" : `.${fraction}`);
  const kept = fraction.replace(/0+$/, "");
  if (kept.length > size.scale)
    refuseValue(
      field,
      value,
      `has ${kept.length} digits after the point`,
      `The column keeps ${size.scale}; round it first.`,
    );
  if (whole !== "0" && whole.length > size.precision - size.scale)
    refuseValue(
      field,
      value,
      "is too large",
      `The column keeps ${size.precision - size.scale} digits before the point.`,
    );
  return sign + whole + (size.scale === 0 ? "" : `.${kept.padEnd(size.scale, "0")}`);
}

function shift(whole: string, fraction: string, exponent: number): { whole: string; fraction: string } {
  const digits = whole + fraction;
  const point = whole.length + exponent;
  const padded = point <= 0 ? "0".repeat(1 - point) + digits : digits.padEnd(point, "0");
  const at = Math.max(point, 1);
  return { whole: padded.slice(0, at).replace(/^0+(?=\d)/, ""), fraction: padded.slice(at) };
}
