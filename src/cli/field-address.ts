/** `Recording.voltage sessionId=1 sweepIdx=12`: how commands name one field of one row. */

import { ask } from "../client/ask.ts";
import type { Endpoint } from "../client/request.ts";
import { ServiceError } from "../errors.ts";

/** A field of an entity, and the key of the row where it was given. */
export interface FieldAddress {
  readonly type: string;
  readonly field: string;
  /** GraphQL type of the field: `NdArray`. */
  readonly fieldType: string;
  /** Name of the query that finds one row by its key. */
  readonly root: string;
  /** Empty when no key was given. */
  readonly key: Readonly<Record<string, unknown>>;
  /** The query's variables: `$sessionId: Int!, $sweepIdx: Int!`. */
  readonly declarations: string;
  /** The query's arguments: `sessionId: $sessionId, sweepIdx: $sweepIdx`. */
  readonly args: string;
}

interface TypeRef {
  readonly kind: string;
  readonly name: string | null;
  readonly ofType: TypeRef | null;
}

interface Argument {
  readonly name: string;
  readonly type: TypeRef;
}

interface Introspected {
  readonly query: { readonly fields: readonly (Argument & { readonly args: readonly Argument[] })[] };
  readonly type: { readonly fields: readonly Argument[] | null } | null;
}

const named = "kind name ofType { kind name ofType { kind name } }";

/** Reads an address against the server's own schema. @throws {BAD_USER_INPUT} naming what is wrong. */
export async function parseAddress(
  endpoint: Endpoint,
  target: string,
  pairs: readonly string[],
): Promise<FieldAddress> {
  const [type = "", field = "", ...more] = target.split(".");
  const shown = await ask<Introspected>(
    endpoint,
    `query ($type: String!) {
      query: __type(name: "Query") { fields { name type { ${named} } args { name type { ${named} } } } }
      type: __type(name: $type) { fields { name type { ${named} } } }
    }`,
    { type },
  );
  const fieldType = shown.type?.fields?.find(({ name }) => name === field)?.type;
  const root = shown.query.fields.find(
    (one) => nameOf(one.type) === type && one.name.toLowerCase() === type.toLowerCase(),
  );
  if (fieldType === undefined || root === undefined || more.length > 0) {
    throw wrong("field", target, `There is no field ${target}.`, unknownRemedy(type, shown));
  }
  const given = pairs.map((pair) => keyPart(pair, root.args));
  if (given.length > 0) checkWhole(given, root.args);
  return {
    type,
    field,
    fieldType: nameOf(fieldType),
    root: root.name,
    key: Object.fromEntries(given),
    declarations: root.args.map(({ name, type }) => `$${name}: ${nameOf(type)}!`).join(", "),
    args: root.args.map(({ name }) => `${name}: $${name}`).join(", "),
  };
}

function unknownRemedy(type: string, { type: shown }: Introspected): string {
  const fields = shown?.fields?.map(({ name }) => name) ?? [];
  if (fields.length === 0) return "Write Type.field, for example Recording.voltage.";
  return `${type} has ${fields.join(", ")}.`;
}

function keyPart(pair: string, args: readonly Argument[]): [string, unknown] {
  const at = pair.indexOf("=");
  const name = pair.slice(0, Math.max(at, 0));
  const argument = args.find((one) => one.name === name);
  if (argument === undefined) {
    throw wrong("key", pair, `${pair} is not a part of the key.`, `Write ${keyForm(args)}.`);
  }
  return [name, keyValue(pair.slice(at + 1), nameOf(argument.type), pair)];
}

/** Numbers and truth values become JSON; dates, UUIDs, enum values and 64-bit numbers travel as text. */
function keyValue(text: string, type: string, pair: string): unknown {
  if (type === "Boolean") {
    if (text === "true" || text === "false") return text === "true";
    throw wrong("key", pair, `${pair}: the value must be true or false.`, "Write it so.");
  }
  if (type !== "Int" && type !== "Float") return text;
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw wrong("key", pair, `${pair}: the value must be a number.`, "Write it as in name=12.");
}

function checkWhole(given: readonly [string, unknown][], args: readonly Argument[]): void {
  const names = new Set(given.map(([name]) => name));
  const missing = args.filter(({ name }) => !names.has(name)).map(({ name }) => name);
  if (missing.length === 0 && names.size === given.length) return;
  const what = missing.length > 0 ? `lacks ${missing.join(", ")}` : "names a part twice";
  throw wrong("key", [...names].join(" "), `The key ${what}.`, `Write ${keyForm(args)}.`);
}

/** How the key of a type is written. */
function keyForm(args: readonly { readonly name: string }[]): string {
  return args.map(({ name }) => `${name}=…`).join(" ");
}

function nameOf(type: TypeRef): string {
  for (let at: TypeRef | null = type; at !== null; at = at.ofType) if (at.name !== null) return at.name;
  return "";
}

function wrong(field: string, value: string, message: string, remedy: string): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `${message} ${remedy}`, { details: { field, value, remedy } });
}
