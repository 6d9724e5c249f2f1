/** Numbers that the type Float cannot carry, as the statement leaves them where it was asked for a Float; see `src/sql/select-type.ts`. */

/** Whether a parsed value in the place of a Float is none that it can carry: `"NaN"`, `"Infinity"`, `"-Infinity"`. */
export function isNotFinite(value: unknown): value is string {
  return typeof value === "string";
}
