/** The mark that stands for a number that the type Float cannot carry; see `src/sql/select-type.ts`. */

/** Whether a parsed value is the mark `{"": "NaN"}`. */
export function isNotFinite(value: unknown): value is { readonly "": string } {
  return (
    value !== null &&
    typeof value === "object" &&
    Object.hasOwn(value, "") &&
    typeof Object.values(value)[0] === "string"
  );
}
