/** The text of one operation in the making: its variables, how values are written, and what was used. */

import {
  type GraphQLInputType,
  type GraphQLNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from "graphql";
import type { Random } from "../../property/random.ts";

/** What is selected under one place, so that equal response keys go together. */
export interface Merging {
  /** Response key → the field with its arguments, and what is selected under it. */
  readonly keys: Map<string, { readonly signature: string; readonly inner: Merging }>;
  /** Every field gets a name of its own: what is selected elsewhere is not known here. */
  readonly isApart: boolean;
}

/** A place where nothing is selected yet. */
export function newMerging(isApart: boolean): Merging {
  return { keys: new Map(), isApart };
}

/** One operation in the making. */
export class Draft {
  readonly random: Random;
  readonly definitions: string[] = [];
  readonly variables: Record<string, unknown> = {};
  readonly fragments: { readonly name: string; readonly type: string; readonly text: string }[] = [];
  readonly features = new Set<string>();
  /** Fields that may still be selected. */
  left: number;
  #names = 0;

  constructor(random: Random, size: number) {
    this.random = random;
    this.left = size;
  }

  /** A name that nothing else has. */
  name(prefix: string): string {
    this.#names += 1;
    return `${prefix}${this.#names}`;
  }

  meet(feature: string): void {
    this.features.add(feature);
  }

  /** A new variable, given or not. */
  variable(type: string, given: { readonly value?: unknown; readonly fallback?: string }): string {
    const name = this.name("v");
    this.definitions.push(`$${name}: ${type}${given.fallback === undefined ? "" : ` = ${given.fallback}`}`);
    if ("value" in given) this.variables[name] = given.value;
    return `$${name}`;
  }

  /** A value as it stands in the document, some of it in variables. */
  value(
    type: GraphQLInputType,
    value: unknown,
    place: { readonly chance: number; readonly oneOf?: boolean },
  ): string {
    const { random } = this;
    if (value === null) {
      this.meet(random.chance(0.5) ? "null" : "null by a variable");
      return random.chance(0.5) ? "null" : this.variable(String(type), { value: null });
    }
    if (!random.chance(place.chance) && isWritable(type, value))
      return this.literal(type, value, place.chance / 3);
    const nullable: GraphQLNullableType & GraphQLInputType = isNonNullType(type) ? type.ofType : type;
    this.meet(
      isInputObjectType(nullable)
        ? "input object in a variable"
        : isListType(nullable)
          ? "list in a variable"
          : "scalar in a variable",
    );
    const isRequired = isNonNullType(type) || place.oneOf === true || random.chance(0.4);
    const declared = `${String(nullable)}${isRequired ? "!" : ""}`;
    if (place.oneOf === true || !random.chance(0.25) || !isWritable(type, value))
      return this.variable(declared, { value });
    const fallback = plainLiteral(nullable, value);
    if (random.chance(0.15)) {
      this.meet(isNonNullType(type) ? "null for a default that must not be null" : "null for a default");
      return this.variable(String(nullable), { fallback, value: null });
    }
    this.meet("variable by its default");
    return this.variable(declared, { fallback });
  }

  /** A value without a variable around it. */
  literal(type: GraphQLInputType, value: unknown, chance: number): string {
    if (isNonNullType(type)) return this.literal(type.ofType, value, chance);
    if (isListType(type)) {
      if (!Array.isArray(value)) return this.literal(type.ofType, value, chance);
      if (value.length === 1 && this.random.chance(0.3)) {
        this.meet("one value for a list");
        return this.literal(type.ofType, value[0], chance);
      }
      return `[${value.map((item) => this.value(type.ofType, item, { chance })).join(", ")}]`;
    }
    if (!isInputObjectType(type) || value === null) return plainLiteral(type, value);
    const fields = type.getFields();
    const parts = Object.entries(value as object).map(([name, part]) => {
      const field = fields[name];
      const inner =
        field === undefined ? "null" : this.value(field.type, part, { chance, oneOf: type.isOneOf });
      return `${name}: ${inner}`;
    });
    const others = Object.values(fields).filter(
      ({ name, type: other }) => !(name in (value as object)) && !isNonNullType(other),
    );
    if (!type.isOneOf && others.length > 0 && this.random.chance(0.05)) {
      const other = this.random.pick(others);
      this.meet("variable that is not given, in an object");
      parts.push(`${other.name}: ${this.variable(String(other.type), {})}`);
    }
    return `{${parts.join(", ")}}`;
  }

  /** `@skip` and `@include`, sometimes. */
  directives(): string {
    const { random } = this;
    if (!random.chance(0.12)) return "";
    const [name, value] = [random.pick(["skip", "include"]), random.chance(0.5)];
    if (random.chance(0.4)) {
      this.meet(`@${name} by a literal`);
      return ` @${name}(if: ${value})`;
    }
    this.meet(`@${name} by a variable`);
    const isGiven = random.chance(0.7);
    const text = isGiven
      ? this.variable("Boolean!", { value })
      : this.variable("Boolean! ".trim(), { fallback: String(value) });
    return ` @${name}(if: ${text})`;
  }

  /** The document of a query. */
  text(body: string): string {
    return this.document("query Q", [], body);
  }

  /** A document with more variables than those of the draft. */
  document(head: string, definitions: readonly string[], body: string): string {
    const all = [...definitions, ...this.definitions];
    const fragments = this.fragments.map(({ name, type, text }) => `fragment ${name} on ${type} ${text}`);
    return [`${head}${all.length === 0 ? "" : `(${all.join(", ")})`} ${body}`, ...fragments].join("\n");
  }
}

/** Whether a value can be written as a literal: keys of JSON objects must be names. */
function isWritable(type: GraphQLInputType, value: unknown): boolean {
  if (isNonNullType(type)) return isWritable(type.ofType, value);
  if (isListType(type))
    return (Array.isArray(value) ? value : [value]).every((item) => isWritable(type.ofType, item));
  if (isInputObjectType(type)) {
    const fields = type.getFields();
    return Object.entries(value ?? {}).every(([name, part]) => {
      const field = fields[name];
      return field !== undefined && isWritable(field.type, part);
    });
  }
  if (Array.isArray(value)) return value.every((item) => isWritable(type, item));
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, item]) => /^[_A-Za-z]\w*$/.test(key) && isWritable(type, item));
}

/** A literal without variables. */
function plainLiteral(type: GraphQLInputType, value: unknown): string {
  if (value === null) return "null";
  if (isNonNullType(type)) return plainLiteral(type.ofType, value);
  if (isListType(type))
    return Array.isArray(value)
      ? `[${value.map((item) => plainLiteral(type.ofType, item)).join(", ")}]`
      : plainLiteral(type.ofType, value);
  if (isInputObjectType(type)) {
    const fields = type.getFields();
    const parts = Object.entries(value as object).map(([name, part]) => {
      const field = fields[name];
      return `${name}: ${field === undefined ? "null" : plainLiteral(field.type, part)}`;
    });
    return `{${parts.join(", ")}}`;
  }
  if (isEnumType(type)) return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => plainLiteral(type, item)).join(", ")}]`;
  if (typeof value === "object")
    return `{${Object.entries(value)
      .map(([key, item]) => `${key}: ${plainLiteral(type, item)}`)
      .join(", ")}}`;
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
