/** `@column(default:)` → the text of DataJoint's DEFAULT, checked against the type. `@source` datajoint-interop §4. */

import { type ConstValueNode, Kind, print } from "graphql";
import { dateText, timestampText } from "./calendar.ts";
import type { Scope } from "./draft.ts";
import type { FieldSource } from "./field.ts";
import { jsonOf } from "./literal.ts";
import type { ColumnType } from "./model.ts";
import type { CoreSpec } from "./spec.ts";

/** What a default is checked against. */
export interface DefaultTarget {
  readonly type: ColumnType;
  /** Absent for enums and lists. */
  readonly core?: CoreSpec;
}

/** The part of a draft that the default makes; `faulty` once a fault is reported. */
export function defaultOf(
  field: FieldSource,
  target: DefaultTarget,
  scope: Scope,
): { readonly default?: string | null } | "faulty" {
  const { nullable } = field.shape;
  const literal = field.uses.one("column")?.literal("default");
  if (literal === undefined) return nullable ? { default: null } : {};
  const fault = (message: string, remedy: string): "faulty" => {
    scope.problems.at(literal)(`${field.label}: ${message}`, remedy);
    return "faulty";
  };
  if (literal.kind === Kind.NULL) {
    return nullable
      ? { default: null }
      : fault(
          "the default is null, and the field is not nullable",
          `Write ${field.shape.type}, or remove the default.`,
        );
  }
  if (nullable) {
    return fault(
      "a nullable field has the default null and no other",
      `Write ${field.shape.type}!, or remove the default.`,
    );
  }
  const text = literalText(literal, target, scope);
  if (text !== undefined) return { default: text };
  return fault(`the default ${print(literal)} is no ${kindOf(target)}`, remedyFor(target));
}

function kindOf({ type }: DefaultTarget): string {
  if (type.list !== undefined) return `list of ${type.list.element}`;
  return type.enum === undefined ? `${type.graphql} that ${type.spec} holds` : `value of ${type.enum}`;
}

function remedyFor({ type, core }: DefaultTarget): string {
  if (type.list !== undefined) return "Write a list, for example [].";
  if (type.enum !== undefined) return "Write one of the enum's values.";
  const bits = integerBits.get(core?.name ?? "");
  if (bits !== undefined) return `Write a whole number from ${-(1n << bits)} to ${(1n << bits) - 1n}.`;
  if (core?.name === "varchar" || core?.name === "char") {
    return `Write a text of at most ${core.parameters[0]} characters, without NUL, and not CURRENT_TIMESTAMP.`;
  }
  return remedies.get(core?.name ?? "") ?? "Write a value of the field's type.";
}

const remedies: ReadonlyMap<string, string> = new Map([
  ["date", 'Write "YYYY-MM-DD".'],
  ["datetime", 'Write "YYYY-MM-DDTHH:MM:SSZ" or "CURRENT_TIMESTAMP".'],
  ["decimal", "Write a number that fits the precision and scale."],
  ["uuid", "Write a UUID in text form."],
  ["json", "Write an object, a list, a number or a boolean: a text alone is misread by DataJoint."],
  ["bool", "Write true or false."],
  ["float32", 'Write a finite number within the type\'s range; Float32 and Float64 take "NaN" too.'],
  ["float64", 'Write a finite number within the type\'s range; Float32 and Float64 take "NaN" too.'],
  ["bytes", "Remove it: bytes have no default."],
]);

function literalText(literal: ConstValueNode, target: DefaultTarget, scope: Scope): string | undefined {
  const { type, core } = target;
  if (type.list !== undefined) return listText(literal, type.list);
  if (type.enum !== undefined) return enumText(literal, type.enum, scope);
  return core === undefined ? undefined : scalarText(literal, core, type.graphql);
}

function enumText(literal: ConstValueNode, name: string, scope: Scope): string | undefined {
  if (literal.kind !== Kind.ENUM && literal.kind !== Kind.STRING) return undefined;
  const value = scope.enums.get(name)?.values.find((each) => each.name === literal.value);
  return value === undefined || isFunction(value.stored) ? undefined : value.stored;
}

function scalarText(literal: ConstValueNode, core: CoreSpec, scalar: string): string | undefined {
  const [first = 0, second = 0] = core.parameters;
  const text = literal.kind === Kind.STRING ? literal.value : undefined;
  switch (core.name) {
    case "bool":
      return literal.kind === Kind.BOOLEAN ? String(literal.value) : undefined;
    case "char":
    case "varchar":
      return text === undefined || !fits(text, first) ? undefined : text;
    case "date":
      return text === undefined ? undefined : dateText(text);
    case "datetime":
      return text === undefined ? undefined : timestampText(text);
    case "decimal":
      return decimalText(literal, first, second);
    case "uuid":
      return text !== undefined && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)
        ? text.toLowerCase()
        : undefined;
    case "json":
      return jsonText(literal);
    case "float32":
    case "float64":
      return floatText(literal, core.name, scalar);
    default:
      return integerText(literal, core.name, scalar);
  }
}

function fits(text: string, size: number): boolean {
  return [...text].length <= size && !text.includes("\u0000") && !isFunction(text);
}

/** `CURRENT_TIMESTAMP` is a function to DataJoint wherever it stands, so that it cannot be a text. */
function isFunction(text: string): boolean {
  return /^CURRENT_TIMESTAMP\b/i.test(text);
}

const integerBits: ReadonlyMap<string, bigint> = new Map([
  ["int8", 7n],
  ["int16", 15n],
  ["int32", 31n],
  ["int64", 63n],
]);

function integerText(literal: ConstValueNode, name: string, scalar: string): string | undefined {
  const bits = integerBits.get(name);
  const isText =
    literal.kind === Kind.STRING && scalar === "BigInt" && /^-?(0|[1-9]\d*)$/.test(literal.value);
  if (bits === undefined || !(literal.kind === Kind.INT || isText)) return undefined;
  const value = BigInt(literal.value);
  return value >= -(1n << bits) && value < 1n << bits ? value.toString() : undefined;
}

function floatText(literal: ConstValueNode, name: string, scalar: string): string | undefined {
  if (literal.kind === Kind.STRING) {
    return scalar !== "Float" && /^(NaN|-?Infinity)$/.test(literal.value) ? literal.value : undefined;
  }
  if (literal.kind !== Kind.INT && literal.kind !== Kind.FLOAT) return undefined;
  const value = name === "float32" ? Math.fround(Number(literal.value)) : Number(literal.value);
  return Number.isFinite(value) ? literal.value : undefined;
}

function decimalText(literal: ConstValueNode, precision: number, scale: number): string | undefined {
  if (literal.kind !== Kind.INT && literal.kind !== Kind.FLOAT && literal.kind !== Kind.STRING)
    return undefined;
  const match = /^-?(\d+)(?:\.(\d+))?$/.exec(literal.value);
  if (match === null) return undefined;
  const whole = (match[1] ?? "").replace(/^0+/, "");
  const fraction = match[2] ?? "";
  return whole.length <= precision - scale && fraction.length <= scale ? literal.value : undefined;
}

function jsonText(literal: ConstValueNode): string | undefined {
  const value = jsonOf(literal);
  return value === undefined || typeof value === "string" ? undefined : storable(JSON.stringify(value));
}

/** jsonb has no NUL. */
function storable(json: string): string | undefined {
  return json.includes("\\u0000") ? undefined : json;
}

const elementChecks: ReadonlyMap<string, (value: unknown) => boolean> = new Map<
  string,
  (value: unknown) => boolean
>([
  ["Int", (value) => Number.isInteger(value) && Math.abs(Number(value)) <= 0x7fffffff],
  ["Float", (value) => typeof value === "number"],
  ["Boolean", (value) => typeof value === "boolean"],
  ["String", (value) => typeof value === "string"],
  ["JSON", () => true],
]);

/** Elements of other scalars are not offered as defaults: an empty list is. */
function listText(
  literal: ConstValueNode,
  list: { readonly element: string; readonly elementNullable: boolean },
): string | undefined {
  const value = jsonOf(literal);
  if (!Array.isArray(value)) return undefined;
  const check = elementChecks.get(list.element) ?? (() => false);
  const isSound = value.every((each) => (each === null ? list.elementNullable : check(each)));
  return isSound ? storable(JSON.stringify(value)) : undefined;
}
