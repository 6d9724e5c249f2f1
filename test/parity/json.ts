/** JSON whose numbers keep the digits that they are written with. */

/** A number as it is written. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Json = null | boolean | string | NumberText | readonly Json[] | { readonly [key: string]: Json };

/** Parses JSON text. */
export function jsonFrom(text: string): Json {
  // The typings of JSON.parse do not know the source text yet, which every supported Node gives.
  const revive = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === "number" ? new NumberText(context?.source ?? String(value)) : value;
  return JSON.parse(text, revive) as Json;
}

/** One spelling of equal numbers: `1.50e2` and `150` are `15e1`. Zero keeps its sign. */
export function plainNumber(text: string): string {
  const [, sign = "", before = "", after = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${before}${after}`.replace(/^0+/, "");
  const kept = digits.replace(/0+$/, "");
  if (kept === "") return `${sign}0`;
  return `${sign}${kept}e${Number(exponent) - after.length + digits.length - kept.length}`;
}

/** Text that is equal for values which jsonb holds to be equal: keys sorted, numbers in one spelling. */
export function sortedJson(value: Json): string {
  if (value instanceof NumberText) return plainNumber(value.text).replace(/^-0$/, "0");
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => sortedJson(item)).join(",")}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${sortedJson(item)}`).join(",")}}`;
}
