/** JSON columns: plain JSON, and lists of scalars with each element checked. */

import { ServiceError } from "../errors.ts";
import type { EnumType } from "../model/model.ts";
import { decimalText } from "./decimal-text.ts";
import { dateText, timestampText } from "./instant.ts";
import { refuseValue, storableText } from "./refuse-value.ts";
import { enumText, floatText, integerText } from "./scalar-text.ts";

/**
 * JSON text of a value for `jsonb`. @throws {BAD_USER_INPUT} for a text at the top (the peer parses it twice, interop D3), for numbers
 * that JSON has not, and for characters that `jsonb` cannot hold.
 */
export function jsonText(value: unknown, field: string): string {
  if (typeof value === "string")
    refuseValue(
      field,
      value,
      "is a bare string",
      "A JSON column holds objects, lists, numbers and Booleans at the top; wrap the text.",
    );
  checkJson(value, field);
  return JSON.stringify(value);
}

/** Levels of lists and objects in one JSON value. */
const depthLimit = 500;

interface Level {
  readonly value: unknown;
  readonly field: string;
  readonly depth: number;
}

function checkJson(value: unknown, field: string): void {
  // A stack of its own: how deep it goes is the caller's choice.
  const waiting: Level[] = [];
  const look = (level: Level): void => {
    if (typeof level.value === "object" && level.value !== null) waiting.push(level);
    else checkLeaf(level.value, level.field);
  };
  look({ value, field, depth: 1 });
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value: container, field: place, depth } = next;
    if (depth > depthLimit) {
      throw new ServiceError(
        "LIMIT_EXCEEDED",
        `${field}: the JSON is nested deeper than ${depthLimit} levels.`,
        {
          details: { field, limit: depthLimit, remedy: "Flatten it, or store it as a blob." },
        },
      );
    }
    // Arrays have their indexes as keys.
    for (const [name, one] of Object.entries(container ?? {})) {
      look({ value: one, field: `${place}.${storableText(name, place)}`, depth: depth + 1 });
    }
  }
}

function checkLeaf(value: unknown, field: string): void {
  if (typeof value === "string") storableText(value, field);
  else if (typeof value === "number" && !Number.isFinite(value))
    refuseValue(field, value, "is no JSON number", "Leave it out, or write it as text.");
  else if (value !== null && typeof value !== "number" && typeof value !== "boolean")
    refuseValue(field, value, "is no JSON", "Write plain JSON.");
}

/**
 * JSON text of a list of scalars: whole numbers with all digits, floats with a point, enums as their stored text, non-finite floats and
 * decimals as strings, instants as RFC 3339 in UTC. @throws {BAD_USER_INPUT} naming the element.
 */
export function listText(
  list: { readonly element: string; readonly elementNullable: boolean },
  value: unknown,
  place: { readonly field: string; readonly enums: ReadonlyMap<string, EnumType> },
): string {
  if (!Array.isArray(value)) return refuseValue(place.field, value, "is no list", "Write [ … ].");
  const elements = value.map((one, index) =>
    elementText(list, one, { ...place, field: `${place.field}.${index}` }),
  );
  return `[${elements.join(",")}]`;
}

function elementText(
  list: { readonly element: string; readonly elementNullable: boolean },
  value: unknown,
  place: { readonly field: string; readonly enums: ReadonlyMap<string, EnumType> },
): string {
  const { field } = place;
  if (value === null || value === undefined) {
    if (!list.elementNullable) refuseValue(field, null, "is null", "Elements of this list may not be null.");
    return "null";
  }
  const enumType = place.enums.get(list.element);
  if (enumType !== undefined) return JSON.stringify(enumText(enumType, value, field));
  const write = elementWriters[list.element];
  if (write !== undefined) return write(value, field);
  checkJson(value, field);
  return JSON.stringify(value);
}

const elementWriters: Readonly<Record<string, (value: unknown, field: string) => string>> = {
  Int: (value, field) => integerText(value, field, "integer"),
  BigInt: (value, field) => integerText(value, field, "bigint"),
  Float: (value, field) => floatJson(floatText(value, field, false)),
  Float64: (value, field) => floatJson(floatText(value, field, false)),
  Float32: (value, field) => floatJson(floatText(value, field, true)),
  Decimal: (value, field) => JSON.stringify(decimalText(value, field)),
  Date: (value, field) => JSON.stringify(dateText(value, field)),
  DateTime: (value, field) => JSON.stringify(`${timestampText(value, field).replace(" ", "T")}Z`),
};

/** With a point or an exponent, so that Python reads a float where a float was meant. */
function floatJson(text: string): string {
  if (/^(NaN|-?Infinity)$/.test(text)) return JSON.stringify(text);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
