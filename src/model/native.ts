/** PostgreSQL's own types, `@column(native:)`: columns of tables that others have made, without DataJoint's type marker in the comment. */

import type { Report } from "./problems.ts";
import type { CoreSpec } from "./spec.ts";

/** A type as `format_type` names it, and the core spec whose values it holds. */
interface NativeRule {
  readonly pattern: RegExp;
  /** GraphQL scalars that it may serve; introspection takes the first. */
  readonly scalars: readonly string[];
  /** Name of the core type whose rules hold for defaults and keys. */
  readonly core: string;
  /** Parameters of the core type, where the type has none of its own. */
  readonly sizes?: readonly number[];
  /** Short form that tables and plans know; absent: as written. */
  readonly short?: (size: string | undefined) => string;
}

const unbounded = [10_485_760];
const timestamp = (zone: string) => (size: string | undefined) =>
  `timestamp${size === undefined ? "" : `(${size})`}${zone}`;

const rules: readonly NativeRule[] = [
  { pattern: /^smallint$/, scalars: ["Int"], core: "int16" },
  { pattern: /^integer$/, scalars: ["Int"], core: "int32" },
  { pattern: /^bigint$/, scalars: ["BigInt"], core: "int64" },
  { pattern: /^real$/, scalars: ["Float32", "Float"], core: "float32" },
  { pattern: /^double precision$/, scalars: ["Float64", "Float"], core: "float64" },
  {
    pattern: /^numeric(?:\((\d+),(\d+)\))?$/,
    scalars: ["Decimal"],
    core: "decimal",
    sizes: [147_455, 16_383],
  },
  { pattern: /^text$/, scalars: ["String"], core: "varchar", sizes: unbounded },
  { pattern: /^character varying(?:\((\d+)\))?$/, scalars: ["String"], core: "varchar", sizes: unbounded },
  { pattern: /^character\((\d+)\)$/, scalars: ["String"], core: "char" },
  { pattern: /^boolean$/, scalars: ["Boolean"], core: "bool" },
  { pattern: /^date$/, scalars: ["Date"], core: "date" },
  {
    pattern: /^timestamp(?:\((\d)\))? without time zone$/,
    scalars: ["DateTime"],
    core: "datetime",
    short: timestamp(""),
  },
  {
    pattern: /^timestamp(?:\((\d)\))? with time zone$/,
    scalars: ["DateTime"],
    core: "datetime",
    short: timestamp(" with time zone"),
  },
  { pattern: /^time(?:\(\d\))? without time zone$/, scalars: ["String"], core: "varchar", sizes: [32] },
  { pattern: /^uuid$/, scalars: ["UUID"], core: "uuid" },
  { pattern: /^jsonb$/, scalars: ["JSON"], core: "json" },
  { pattern: /^bytea$/, scalars: ["Bytes"], core: "bytes" },
];

/** A native type that the schema language knows. */
export interface NativeType {
  /** PostgreSQL type text for tables and plans. */
  readonly sql: string;
  readonly scalars: readonly string[];
  readonly core: CoreSpec;
}

/** The type of that name, in the words of `format_type`; `undefined` where the language has no scalar for it. */
export function nativeType(text: string): NativeType | undefined {
  for (const { pattern, scalars, core, sizes = [], short } of rules) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const own = match.slice(1).filter((size) => size !== undefined);
    const parameters = own.length === 0 ? sizes : own.map(Number);
    const sql = short?.(match[1]) ?? text;
    return { sql, scalars, core: { name: core, parameters, text, sql } };
  }
  return undefined;
}

/** The native type of a scalar field; what is wrong goes to `report`. */
export function nativeOfScalar(
  { label, scalar, text }: { readonly label: string; readonly scalar: string; readonly text: string },
  report: Report,
): NativeType | undefined {
  const found = nativeType(text);
  const quoted = JSON.stringify(text);
  if (found === undefined) {
    return report(
      `${label}: ${quoted} is no PostgreSQL type that the schema language knows`,
      "Write it as PostgreSQL names it, for example integer, text, numeric(9,3), timestamp without time zone.",
    );
  }
  if (found.scalars.includes(scalar)) return found;
  return report(
    `${label}: the PostgreSQL type ${quoted} does not hold ${scalar}`,
    `${text} holds ${found.scalars.join(", ")}.`,
  );
}

/** A PostgreSQL enum type, `schema.name`. */
export function nativeEnum(text: string): { readonly schema: string; readonly name: string } | undefined {
  const match = /^([a-z_][a-z0-9_$]*)\.([a-z_][a-z0-9_$]*)$/.exec(text);
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { schema: match[1], name: match[2] };
}
