/** Cells of tables as JSON, by the rules of all codecs: 64-bit integers and decimals are text, dates are ISO text, bytes are base64. */

import { formatTicks } from "./calendar.ts";
import { corrupt } from "./fault.ts";

/** Seconds, milliseconds, microseconds, nanoseconds. */
export type TimeUnit = "s" | "ms" | "us" | "ns";

const perSecond: Readonly<Record<TimeUnit, bigint>> = {
  s: 1n,
  ms: 1000n,
  us: 1_000_000n,
  ns: 1_000_000_000n,
};

/** A whole number with its decimal point: 12345 and 2 are `123.45`. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale <= 0) return String(unscaled * 10n ** BigInt(-scale));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  const point = digits.length - scale;
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** A signed number of any number of bytes. */
export function signedOf(bytes: Uint8Array, order: "little" | "big"): bigint {
  if (bytes.length === 0) return 0n;
  const copy = Buffer.from(bytes);
  const hex = (order === "little" ? copy.reverse() : copy).toString("hex");
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`));
}

/** Time of day since midnight: `12:34:56.789`. */
export function timeText(ticks: bigint, unit: TimeUnit): string {
  const day = 86_400n * perSecond[unit];
  if (ticks < 0n || ticks > day) throw corrupt(`A time of day is ${ticks} ${unit}.`);
  return formatTicks(ticks, unit).slice(11);
}

/** An instant, with `Z` where the column tells instants of UTC and not of an unknown place. */
export function instantText(ticks: bigint, unit: TimeUnit, utc: boolean): string {
  const text = formatTicks(ticks, unit);
  return utc && text !== "NaT" ? `${text}Z` : text;
}

/** Days since 1970. */
export function dateText(days: bigint): string {
  return formatTicks(days, "D");
}

/** @throws {CODEC_CORRUPT} when the bytes are no UTF-8. */
export function cellText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw corrupt("A text in the table is not UTF-8.", cause);
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as base64. */
export function cellBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
