/** The codecs of a running service: a value made in the composition root and passed down. */

import { ServiceError } from "../errors.ts";
import type { Apart } from "./apart-contract.ts";
import { type Chain, chainOf } from "./chain.ts";
import { type Codec, type CodecField, defineCodec, type FilterScalar } from "./contract.ts";
import { mergeTypeDefs } from "./type-defs.ts";

/** What the model's checks need to know of a codec. */
export interface CodecFacts {
  readonly name: string;
  /** GraphQL output type. */
  readonly output: string;
  /** PostgreSQL type without a store; absent: the codec needs a store. */
  readonly row?: string;
  /** PostgreSQL type with a store; absent: the codec cannot use one. */
  readonly store?: string;
  /** True for references to files that the user owns. */
  readonly external: boolean;
}

/** A field of an output type, merged over the codecs that share the type. */
interface OutputField {
  readonly name: string;
  /** SDL of the type, without `!` where one of the codecs lacks the field. */
  readonly type: string;
  /** SDL of the arguments. */
  readonly args: string | undefined;
  readonly description: string;
  readonly filter: FilterScalar | undefined;
}

/** A GraphQL output type of one or more codecs; the service adds `url`. */
export interface OutputType {
  readonly name: string;
  /** Names of the codecs that answer with it. */
  readonly codecs: readonly string[];
  readonly fields: ReadonlyMap<string, OutputField>;
}

/** All codecs, by name. */
export interface CodecRegistry {
  /** Worker threads of a running service. */
  readonly apart?: Apart;
  /** @throws {CODEC_UNKNOWN} naming the codecs there are. */
  get(name: string): Codec;
  find(name: string): Codec | undefined;
  readonly all: readonly Codec[];
  readonly facts: ReadonlyMap<string, CodecFacts>;
  readonly outputs: ReadonlyMap<string, OutputType>;
  /** SDL of all input and auxiliary types, each once. Output types are made from {@link outputs}. */
  readonly typeDefs: string;
  /** Every GraphQL type name that codecs bring, output types included: reserved for models. */
  readonly typeNames: ReadonlySet<string>;
}

/** @throws {CONFIG_INVALID} when names clash, a chain leads nowhere, or types that are shared do not agree. */
export function createRegistry(codecs: readonly Codec[]): CodecRegistry {
  const byName = new Map<string, Codec>();
  for (const codec of codecs) {
    if (byName.has(codec.name)) {
      throw wrong(`Two codecs are called "${codec.name}". Remove or rename one.`, codec.name);
    }
    byName.set(codec.name, Object.isFrozen(codec) ? codec : defineCodec(codec));
  }
  const all = [...byName.values()];
  const lookup = { get: (name: string) => byName.get(name) ?? unknown(name, byName) };
  const facts = new Map(all.map((codec) => [codec.name, factsOf(lookup, codec)]));
  const outputs = mergeOutputs(all);
  const defs = mergeTypeDefs(all);
  checkNames(all, { outputs, defs });
  return Object.freeze({
    ...lookup,
    find: (name: string) => byName.get(name),
    all,
    facts,
    outputs,
    typeDefs: [...defs.values()].map((def) => def.text).join("\n\n"),
    typeNames: new Set([...outputs.keys(), ...defs.keys()]),
  });
}

function unknown(name: string, known: ReadonlyMap<string, Codec>): never {
  const names = [...known.keys()].sort().join(", ") || "none";
  throw new ServiceError("CODEC_UNKNOWN", `No codec is called "${name}". Loaded: ${names}.`, {
    details: { field: "codec", value: name },
  });
}

function factsOf(lookup: { get(name: string): Codec }, codec: Codec): CodecFacts {
  const sqlType = (chain: Chain) => (chain.ends === "bytes" ? "bytea" : "jsonb");
  const row = codec.chain.row === undefined ? undefined : chainOf(lookup, { name: codec.name });
  const store =
    codec.chain.store === undefined ? undefined : chainOf(lookup, { name: codec.name, store: "x" });
  return {
    name: codec.name,
    output: codec.output,
    external: store?.addressing === "external",
    ...(row === undefined ? {} : { row: sqlType(row) }),
    ...(store === undefined ? {} : { store: sqlType(store) }),
  };
}

function mergeOutputs(codecs: readonly Codec[]): Map<string, OutputType> {
  const outputs = new Map<string, OutputType>();
  for (const [name, group] of Map.groupBy(codecs, (codec) => codec.output)) {
    const fieldNames = new Set(group.flatMap((codec) => Object.keys(codec.fields)));
    const fields = new Map([...fieldNames].map((field) => [field, mergeField(name, field, group)]));
    outputs.set(name, { name, codecs: group.map((codec) => codec.name), fields });
  }
  return outputs;
}

function mergeField(output: string, name: string, group: readonly Codec[]): OutputField {
  const found: CodecField[] = group.flatMap((codec) => codec.fields[name] ?? []);
  const [first] = found;
  if (first === undefined) throw wrong(`Type ${output} has no field ${name}.`, name);
  const bare = (type: string) => type.replace(/!$/, "");
  for (const field of found) {
    if (bare(field.type) !== bare(first.type) || field.args !== first.args) {
      const codecs = group.map((codec) => codec.name).join(", ");
      throw wrong(`Codecs ${codecs} share the type ${output} but give its field ${name} differently.`, name);
    }
  }
  const always = found.length === group.length && found.every((field) => field.type.endsWith("!"));
  return {
    name,
    type: always ? first.type : bare(first.type),
    args: first.args,
    description: first.description,
    filter: found.find((field) => field.filter !== undefined)?.filter,
  };
}

function checkNames(
  codecs: readonly Codec[],
  types: { outputs: ReadonlyMap<string, OutputType>; defs: ReadonlyMap<string, unknown> },
): void {
  for (const codec of codecs) {
    if (!types.defs.has(codec.input)) {
      throw wrong(
        `Codec "${codec.name}" names the input type ${codec.input}, but its typeDefs lack it.`,
        codec.input,
      );
    }
    if (types.defs.has(codec.output)) {
      throw wrong(
        `Codec "${codec.name}": its output type ${codec.output} is made from fields; remove it from typeDefs.`,
        codec.output,
      );
    }
  }
}

function wrong(message: string, value: string): ServiceError {
  return new ServiceError("CONFIG_INVALID", message, { details: { field: "codec", value } });
}
