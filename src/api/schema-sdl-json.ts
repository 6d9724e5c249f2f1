/** Filters of JSON values and of lists of scalars: types that all entities share. */

import { definition, field } from "./schema-sdl-names.ts";

/** Operators on a JSON value, wherever it was found. */
const operators: readonly string[] = [
  field("eq: JSON", "The same JSON: numbers by their value, objects whatever the order of their keys."),
  "neq: JSON",
  "in: [JSON!]",
  "notIn: [JSON!]",
  field("lt: JSON", "Numbers with numbers, texts with texts; other kinds do not fit."),
  "lte: JSON",
  "gt: JSON",
  "gte: JSON",
  field("contains: JSON", "Has every part of the given JSON: keys of objects, elements of lists."),
  field("containedBy: JSON", "Every part of it is in the given JSON."),
  field("hasKey: String", "An object with this key."),
  field("hasKeys: [String!]", "An object with all these keys."),
  field("hasAnyKey: [String!]", "An object with one of these keys."),
  field("exists: Boolean", "Whether there is anything, a JSON null too."),
  field("isNull: Boolean", "Nothing, or a JSON null."),
  field("number: DecimalFilter", "As a number, with all its digits; what is no number has no value here."),
  field("text: StringFilter", "As a text; what is no text has no value here."),
  field("length: IntFilter", "Elements of a list; what is no list has no value here."),
  field("some: JSONFilter", "A list of which an element fits."),
  field("every: JSONFilter", "A list of which every element fits; an empty one too."),
  field("none: JSONFilter", "Not some: what is no list too."),
  field("at: [JSONPathFilter!]", "What lies at paths; all must hold."),
  "and: [JSONFilter!]",
  "or: [JSONFilter!]",
  "not: JSONFilter",
];

/** SDL of the filters of JSON values. */
export function jsonFilterSdl(): string {
  const path = field(
    "path: [String!]!",
    "Keys from the outside in; in a list a whole number counts its elements from 0, or from -1 at the end.",
  );
  return [
    definition("input JSONFilter", operators, "Operators on one JSON value; all must hold."),
    definition(
      "input JSONPathFilter",
      [path, ...operators],
      "Operators on what lies at a path; all must hold.",
    ),
  ].join("\n");
}

/** SDL of the filter of lists of a scalar. */
export function listFilterSdl(element: string): string {
  return definition(`input ${element}ListFilter`, [
    field(`eq: [${element}]`, "The same elements in the same order."),
    `neq: [${element}]`,
    field(`has: ${element}`, "An element is equal to it."),
    `hasEvery: [${element}!]`,
    `hasSome: [${element}!]`,
    field("length: IntFilter", "Number of elements."),
    "isEmpty: Boolean",
    "isNull: Boolean",
  ]);
}
