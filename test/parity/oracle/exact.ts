/** Decimal numbers without rounding, and division as PostgreSQL divides. */

/** `units` times ten to the power of -`scale`. */
export interface Exact {
  readonly units: bigint;
  readonly scale: number;
}

/** A whole number. */
export function whole(value: bigint | number): Exact {
  return { units: BigInt(value), scale: 0 };
}

/** Reads decimal text, exponents included. @throws TypeError for other text. */
export function parseExact(text: string): Exact {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) throw new TypeError(`${text} is no decimal number.`);
  const [, sign = "", before = "", after = "", exponent = "0"] = match;
  const units = BigInt(`${before}${after}` || "0") * (sign === "-" ? -1n : 1n);
  const scale = after.length - Number(exponent);
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

const scaledTo = ({ units, scale }: Exact, to: number): bigint => units * 10n ** BigInt(to - scale);

/** Negative, zero or positive. */
export function compareExact(a: Exact, b: Exact): number {
  const scale = Math.max(a.scale, b.scale);
  const difference = scaledTo(a, scale) - scaledTo(b, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Sum with the digits of the summand that has most. */
export function addExact(a: Exact, b: Exact): Exact {
  const scale = Math.max(a.scale, b.scale);
  return { units: scaledTo(a, scale) + scaledTo(b, scale), scale };
}

/** Decimal text with all digits of its scale. */
export function exactText({ units, scale }: Exact): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, "0");
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return units < 0n ? `-${text}` : text;
}

/** Without zeros at the end of the fraction. */
export function trimmed({ units, scale }: Exact): Exact {
  let [left, digits] = [units, scale];
  while (digits > 0 && left % 10n === 0n) {
    left /= 10n;
    digits -= 1;
  }
  return { units: left, scale: digits };
}

/** First group of four digits, counted from the point, and its place. @source numeric.c, select_div_scale */
function leading({ units, scale }: Exact): { readonly weight: number; readonly group: number } {
  if (units === 0n) return { weight: 0, group: 0 };
  const [before = "", after = ""] = exactText({ units: units < 0n ? -units : units, scale }).split(".");
  const front = before.padStart(Math.ceil(before.length / 4) * 4, "0");
  const digits = front + after.padEnd(Math.ceil(after.length / 4) * 4, "0");
  const groups = digits.match(/\d{4}/g) ?? [];
  const first = groups.findIndex((group) => group !== "0000");
  return { weight: front.length / 4 - 1 - first, group: Number(groups[first]) };
}

/** Quotient with 16 significant digits at least, rounded half away from zero. @source numeric.c, select_div_scale */
export function divideExact(a: Exact, b: Exact): Exact {
  const [over, under] = [leading(a), leading(b)];
  const weight = over.weight - under.weight - (over.group <= under.group ? 1 : 0);
  const scale = Math.min(Math.max(16 - weight * 4, a.scale, b.scale, 0), 1000);
  const shift = scale + b.scale - a.scale;
  const dividend = a.units * 10n ** BigInt(Math.max(shift, 0));
  const divisor = b.units * 10n ** BigInt(Math.max(-shift, 0));
  const [size, by] = [dividend < 0n ? -dividend : dividend, divisor < 0n ? -divisor : divisor];
  const rounded = (size * 2n + by) / (by * 2n);
  return { units: dividend < 0n === divisor < 0n ? rounded : -rounded, scale };
}
