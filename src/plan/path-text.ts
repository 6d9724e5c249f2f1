import type { Column } from "../model/model.ts";
import { sqlType } from "./column-value.ts";

/**
 * A key value as the path of an object spells it, before any escaping: Python's `str` of the typed value, timestamps with `-` for `:` and
 * without a fraction. `text` is the column's text. @source datajoint-interop.md §9.2
 */
export function pathText(column: Column, text: string): string {
  switch (sqlType(column.type.sql).base) {
    case "boolean":
      return text === "true" ? "True" : "False";
    case "timestamp":
    case "timestamptz":
      return text
        .slice(0, 19)
        .replace(/^0+(?=\d)/, "")
        .replace(" ", "T")
        .replaceAll(":", "-");
    case "real":
    case "double precision":
      return pythonFloat(Number(text));
    default:
      return text;
  }
}

/** `repr` of a Python float: an exponent below 1e-4 and from 1e16 on. */
function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  if (Object.is(value, -0)) return "-0.0";
  const [digits = "0", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  if (Number.isInteger(value)) return `${value}.0`;
  return String(value);
}
