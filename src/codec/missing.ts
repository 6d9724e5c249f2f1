/** What is kept of a codec while it is loaded, so that its fields keep their types when it is not. */

import type { Codec } from "./contract.ts";
import type { CodecFacts, CodecRegistry, CodecShape, MissingCodec } from "./registry.ts";

/** A codec in plain JSON. */
export interface CodecDescription {
  readonly version: number;
  readonly shape: CodecShape;
  readonly facts: CodecFacts;
}

/** What to keep of a loaded codec. */
export function describeForKeeps(registry: CodecRegistry, codec: Codec): CodecDescription | undefined {
  const facts = registry.facts.get(codec.name);
  if (facts === undefined) return undefined;
  const { name, output, input, typeDefs, version } = codec;
  const fields = Object.fromEntries(
    Object.entries(codec.fields).map(([field, { type, description, args, filter }]) => [
      field,
      {
        type,
        description,
        ...(args === undefined ? {} : { args }),
        ...(filter === undefined ? {} : { filter }),
      },
    ]),
  );
  return { version, shape: { name, output, input, typeDefs, fields }, facts };
}

/** Why a codec is not loaded, and what to do. */
export interface Absence {
  readonly reason: string;
  readonly remedy: string;
}

/** The codec that was kept so; `undefined` where what was kept is no such description. */
export function missingCodec(kept: unknown, absence: Absence): MissingCodec | undefined {
  return isDescription(kept) ? { shape: kept.shape, facts: kept.facts, ...absence } : undefined;
}

function isDescription(value: unknown): value is CodecDescription {
  const { shape, facts } = fieldsOf(value);
  const texts = ["name", "output", "input", "typeDefs"].every(
    (key) => typeof fieldsOf(shape)[key] === "string",
  );
  const fields = Object.values(fieldsOf(fieldsOf(shape)["fields"]));
  const told = fields.every((field) => typeof fieldsOf(field)["type"] === "string");
  const { name, output, external } = fieldsOf(facts);
  return (
    texts &&
    told &&
    name === fieldsOf(shape)["name"] &&
    output === fieldsOf(shape)["output"] &&
    typeof external === "boolean"
  );
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
