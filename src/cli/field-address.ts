/** `Recording.voltage sessionId=1 sweepIdx=12`: how commands name one field of one row. */

import { ServiceError } from "../errors.ts";
import type { Endpoint } from "../sample/client.ts";
import { ask } from "./ask.ts";

/** A field of an entity, and the key of the row where it was given. */
export interface FieldAddress {
  readonly type: string;
  readonly field: string;
  /** Name of the query that finds one row by its key. */
  readonly root: string;
  /** GraphQL type of the field: `NdArray`. */
  readonly fieldType: string;
  readonly key: Readonly<Record<string, unknown>>;
  /** The key as GraphQL arguments: `sessionId: 1, sweepIdx: 12`. */
  readonly keyText: string;
}

interface TypeRef {
  readonly kind: string;
  readonly name: string | null;
  readonly ofType: TypeRef | null;
}

interface Introspected {
  readonly query: { fields: { name: string; type: TypeRef; args: { name: string; type: TypeRef }[] }[] };
  readonly type: { fields: { name: string; type: TypeRef }[] | null } | null;
}

const named = "kind name ofType { kind name ofType { kind name } }";

/** Reads an address against the server's own schema. @throws {BAD_USER_INPUT} naming what is wrong. */
export async function parseAddress(
  endpoint: Endpoint,
  target: string,
  pairs: readonly string[],
): Promise<FieldAddress> {
  const [type = "", field = ""] = target.split(".");
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
  if (fieldType === undefined || root === undefined) {
    throw wrong(target, `There is no field ${target}.`, "Write Type.field, for example Recording.voltage.");
  }
  const key = Object.fromEntries(pairs.map((pair) => keyPart(pair, root.args)));
  const keyText = Object.entries(key)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join(", ");
  return { type, field, root: root.name, fieldType: nameOf(fieldType), key, keyText };
}

function keyPart(pair: string, args: readonly { name: string; type: TypeRef }[]): [string, unknown] {
  const at = pair.indexOf("=");
  const name = pair.slice(0, Math.max(at, 0));
  const argument = args.find((one) => one.name === name);
  if (argument === undefined) {
    throw wrong(
      pair,
      `${pair} is not a part of the key.`,
      `Write ${args.map((one) => `${one.name}=…`).join(" ")}.`,
    );
  }
  const text = pair.slice(at + 1);
  return [name, nameOf(argument.type) === "Int" ? Number(text) : text];
}

function nameOf(type: TypeRef): string {
  for (let at: TypeRef | null = type; at !== null; at = at.ofType) if (at.name !== null) return at.name;
  return "";
}

function wrong(value: string, message: string, remedy: string): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `${message} ${remedy}`, {
    details: { field: "target", value, remedy },
  });
}
