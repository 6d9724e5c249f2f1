/** A capability's subject as a short JSON array, and back. */

import type { CapabilitySubject } from "./contract.ts";
import { decodeDerived, encodeDerived } from "./derived-subject.ts";

/** `["o", locator, gen, tree, sha256, skip, size]`, `["f", schema, table, column, key]` or `["u", id]`, without trailing nulls; `["d", …]` for what is derived. */
export function encodeSubject(subject: CapabilitySubject): string {
  return JSON.stringify(partsOf(subject));
}

function partsOf(subject: CapabilitySubject): unknown[] {
  if (subject.kind === "upload") return ["u", subject.id];
  if (subject.kind === "field") return ["f", subject.schema, subject.table, subject.column, subject.key];
  if (subject.kind === "derived") return encodeDerived(subject);
  const { locator, gen, isTree, sha256, skip, sizeBytes } = subject;
  // The digest in base64url takes 43 characters instead of 64.
  const digest = sha256 === undefined ? null : Buffer.from(sha256, "hex").toString("base64url");
  const parts = ["o", locator, gen, isTree ? 1 : 0, digest, skip ?? null, sizeBytes ?? null];
  while (parts.at(-1) === null) parts.pop();
  return parts;
}

/** The subject that `text` stands for; `undefined` when it is of another version. */
export function decodeSubject(text: string): CapabilitySubject | undefined {
  const parts: unknown = JSON.parse(text);
  if (!Array.isArray(parts)) return undefined;
  const [kind, ...rest]: unknown[] = parts;
  if (kind === "u") return typeof rest[0] === "string" ? { kind: "upload", id: rest[0] } : undefined;
  if (kind === "f") return fieldOf(rest);
  if (kind === "d") return decodeDerived(rest);
  return kind === "o" ? objectOf(rest) : undefined;
}

function fieldOf([schema, table, column, key]: unknown[]): CapabilitySubject | undefined {
  const isText = (value: unknown): value is string => typeof value === "string";
  if (!isText(schema) || !isText(table) || !isText(column) || !Array.isArray(key)) return undefined;
  const pairs = key.map((pair: unknown): [string, string] => {
    const [name, value] = Array.isArray(pair) ? pair : [];
    return [String(name), String(value)];
  });
  return { kind: "field", schema, table, column, key: pairs };
}

function objectOf([locator, gen, tree, digest, skip, size]: unknown[]): CapabilitySubject | undefined {
  if (typeof locator !== "string" || typeof gen !== "string") return undefined;
  return {
    kind: "object",
    locator,
    gen,
    isTree: tree === 1,
    ...(typeof digest === "string" ? { sha256: Buffer.from(digest, "base64url").toString("hex") } : {}),
    ...(typeof skip === "number" ? { skip } : {}),
    ...(typeof size === "number" ? { sizeBytes: size } : {}),
  };
}
