/** Core type specs: their text, their PostgreSQL type, the GraphQL scalars they may serve. `@source` datajoint-interop §2. */

import type { Report } from "./problems.ts";

/** A core spec taken apart: `varchar(64)` → name `varchar`, parameters `[64]`. */
export interface CoreSpec {
  readonly name: string;
  readonly parameters: readonly number[];
  /** As written in the column comment. */
  readonly text: string;
  /** PostgreSQL type. */
  readonly sql: string;
}

interface SpecRule {
  readonly sql: (parameters: readonly number[]) => string;
  /** Allowed parameter counts, and the bounds of each parameter. */
  readonly counts: readonly number[];
  readonly bounds: readonly (readonly [low: number, high: number])[];
}

const plain = (sql: string): SpecRule => ({ sql: () => sql, counts: [0], bounds: [] });
const sized = (name: string): SpecRule => ({
  sql: ([size]) => `${name}(${size})`,
  counts: [1],
  bounds: [[1, 10_485_760]],
});

const specRules: ReadonlyMap<string, SpecRule> = new Map<string, SpecRule>([
  ["int8", plain("smallint")],
  ["int16", plain("smallint")],
  ["int32", plain("integer")],
  ["int64", plain("bigint")],
  ["float32", plain("real")],
  ["float64", plain("double precision")],
  ["bool", plain("boolean")],
  ["char", sized("char")],
  ["varchar", sized("varchar")],
  ["date", plain("date")],
  [
    "datetime",
    {
      sql: ([digits]) => (digits === undefined ? "timestamp" : `timestamp(${digits})`),
      counts: [0, 1],
      bounds: [[0, 6]],
    },
  ],
  [
    "decimal",
    {
      sql: ([precision, scale]) => `numeric(${precision},${scale})`,
      counts: [2],
      bounds: [
        [1, 1000],
        [0, 1000],
      ],
    },
  ],
  ["uuid", plain("uuid")],
  ["json", plain("jsonb")],
  ["bytes", plain("bytea")],
]);

/** What a GraphQL scalar is stored as: the default spec (none: `@column(type:)` must say) and every spec it may take. */
export interface ScalarRule {
  readonly spec?: string;
  readonly allowed: readonly string[];
}

/** The scalars of the schema language. */
export const scalarRules: ReadonlyMap<string, ScalarRule> = new Map<string, ScalarRule>([
  ["Int", { spec: "int32", allowed: ["int8", "int16", "int32"] }],
  ["BigInt", { spec: "int64", allowed: ["int8", "int16", "int32", "int64"] }],
  ["Float", { spec: "float64", allowed: ["float32", "float64"] }],
  ["Float64", { spec: "float64", allowed: ["float64"] }],
  ["Float32", { spec: "float32", allowed: ["float32"] }],
  ["String", { spec: "varchar(255)", allowed: ["varchar(n)", "char(n)"] }],
  ["Boolean", { spec: "bool", allowed: ["bool"] }],
  ["Date", { spec: "date", allowed: ["date"] }],
  ["DateTime", { spec: "datetime(6)", allowed: ["datetime", "datetime(p)"] }],
  ["Decimal", { allowed: ["decimal(p,s)"] }],
  ["UUID", { spec: "uuid", allowed: ["uuid"] }],
  ["JSON", { spec: "json", allowed: ["json"] }],
  ["Bytes", { spec: "bytes", allowed: ["bytes"] }],
]);

/** Native PostgreSQL and MySQL types that DataJoint passes through, and what to write instead. */
const nativeTypes: ReadonlyMap<string, string> = new Map([
  ["tinyint", "int8"],
  ["smallint", "int16"],
  ["mediumint", "int32"],
  ["int", "int32"],
  ["integer", "int32"],
  ["serial", "int32"],
  ["bigint", "int64"],
  ["real", "float32"],
  ["float", "float64"],
  ["double", "float64"],
  ["double precision", "float64"],
  ["numeric", "decimal(p,s)"],
  ["dec", "decimal(p,s)"],
  ["fixed", "decimal(p,s)"],
  ["boolean", "bool"],
  ["text", "varchar(n) with n up to 10485760"],
  ["tinytext", "varchar(255)"],
  ["mediumtext", "varchar(n) with n up to 10485760"],
  ["longtext", "varchar(n) with n up to 10485760"],
  ["timestamp", "datetime(p)"],
  ["timestamptz", "datetime(p)"],
  ["time", "varchar(n), or a DateTime"],
  ["year", "int16"],
  ["jsonb", "json"],
  ["bytea", "bytes"],
  ["blob", "bytes, or a codec"],
  ["tinyblob", "bytes, or a codec"],
  ["mediumblob", "bytes, or a codec"],
  ["longblob", "bytes, or a codec"],
]);

/** Reads a spec; what is wrong goes to `report`. `label` names the field. */
export function parseSpec(text: string, label: string, report: Report): CoreSpec | undefined {
  const match = /^([a-z][a-z0-9 ]*?)(?:\(\s*(\d+(?:\s*,\s*\d+)*)\s*\))?$/.exec(text);
  const name = match?.[1] ?? "";
  const rule = specRules.get(name);
  if (rule === undefined) return refuseSpec(text, label, report);
  const parameters = match?.[2]?.split(",").map(Number) ?? [];
  const wrong = parameterFault(name, parameters, rule);
  if (wrong !== undefined) {
    return report(
      `${label}: the type ${JSON.stringify(text)} is not valid: ${wrong}`,
      `Write ${form(name)}.`,
    );
  }
  const suffix = parameters.length === 0 ? "" : `(${parameters.join(",")})`;
  return { name, parameters, text: name + suffix, sql: rule.sql(parameters) };
}

function refuseSpec(text: string, label: string, report: Report): undefined {
  const quoted = JSON.stringify(text);
  const name = /^\s*([a-z][a-z0-9 ]*?)\s*(?:\(|$)/i.exec(text)?.[1]?.toLowerCase() ?? "";
  const instead = nativeTypes.get(name);
  if (instead !== undefined) {
    return report(`${label}: ${quoted} is a native type, not a core type`, `Write ${instead}.`);
  }
  if (name.startsWith("enum")) {
    return report(
      `${label}: ${quoted} is an enum spec`,
      "Define a GraphQL enum and use it as the field's type.",
    );
  }
  if (text.startsWith("<")) {
    return report(`${label}: ${quoted} is a codec spec`, 'Write @codec(name: "…", store: "…").');
  }
  if (specRules.has(name)) {
    return report(
      `${label}: the type ${quoted} is not in its canonical form`,
      `Write ${form(name)}, in lower case, no blank before the parenthesis.`,
    );
  }
  return report(`${label}: there is no type ${quoted}`, `Core types are ${coreForms()}.`);
}

function parameterFault(name: string, parameters: readonly number[], rule: SpecRule): string | undefined {
  if (!rule.counts.includes(parameters.length)) {
    return rule.counts.includes(0) ? `${name} takes no such parameters` : `${name} needs ${form(name)}`;
  }
  for (const [at, value] of parameters.entries()) {
    const [low, high] = rule.bounds[at] ?? [0, 0];
    if (value < low || value > high) return `${value} is not between ${low} and ${high}`;
  }
  const [precision, scale] = parameters;
  if (name === "decimal" && (scale ?? 0) > (precision ?? 0)) return "the scale is larger than the precision";
  return undefined;
}

function form(name: string): string {
  if (name === "decimal") return "decimal(p,s)";
  if (name === "datetime") return "datetime or datetime(p) with p from 0 to 6";
  return name === "char" || name === "varchar" ? `${name}(n)` : name;
}

function coreForms(): string {
  const names = [...specRules.keys()].map((name) =>
    name === "datetime" ? "datetime, datetime(p)" : form(name),
  );
  return names.join(", ");
}

/** The spec of a scalar field: the one that `@column(type:)` names, else the scalar's default. */
export function specOfScalar(
  field: { readonly label: string; readonly scalar: string; readonly type: string | undefined },
  report: Report,
): CoreSpec | undefined {
  const rule = scalarRules.get(field.scalar);
  if (rule === undefined) return undefined;
  const text = field.type ?? rule.spec;
  const allowed = rule.allowed.join(", ");
  if (text === undefined) {
    return report(
      `${field.label}: ${field.scalar} needs its precision and scale`,
      `Add @column(type: "decimal(p,s)"), for example "decimal(9,3)".`,
    );
  }
  const spec = parseSpec(text, field.label, report);
  if (spec === undefined) return undefined;
  if (rule.allowed.some((each) => each.split("(")[0] === spec.name)) return spec;
  const fitting = [...scalarRules].filter(([, other]) =>
    other.allowed.some((e) => e.split("(")[0] === spec.name),
  );
  return report(
    `${field.label}: the type ${JSON.stringify(text)} does not hold ${field.scalar}`,
    `${field.scalar} takes ${allowed}; ${spec.name} holds ${fitting.map(([name]) => name).join(", ")}.`,
  );
}
