/** How values of each PostgreSQL type reach JavaScript on our connections: exact, as text where JavaScript has no type for them. */

import { type CustomTypesConfig, types } from "pg";

/** Type numbers (pg_type.oid) of a scalar and of its array. @source PostgreSQL's pg_type.dat */
const asText: readonly (readonly [scalar: number, array: number])[] = [
  [20, 1016], // int8
  [1700, 1231], // numeric
  [1082, 1182], // date
  [1114, 1115], // timestamp
  [1184, 1185], // timestamptz
  [1186, 1187], // interval
  [1083, 1183], // time
  [1266, 1270], // timetz
  [114, 199], // json
  [3802, 3807], // jsonb
];
/** text[], which pg's list of names lacks. */
const textArray = 1009;

type Parser = (text: string) => unknown;

/** Parsers of {@link Queryable}: int8, numeric, date, times, interval, json and their arrays stay text; the rest as node-postgres. */
export function createValueTypes(): CustomTypesConfig {
  // The typings list only some of the type numbers that the function takes.
  const standard = types.getTypeParser as (oid: number, format?: string) => Parser;
  const own = new Map<number, Parser>();
  for (const [scalar, array] of asText) {
    own.set(scalar, (text) => text);
    own.set(array, standard(textArray));
  }
  return {
    getTypeParser: (oid: number, format?: string) =>
      (format === "binary" ? undefined : own.get(oid)) ?? standard(oid, format),
  };
}
