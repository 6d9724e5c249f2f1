/** The codecs of a running service: a value made in the composition root and passed down. */

import { ServiceError } from "../errors.ts";
import type { Apart } from "./apart-contract.ts";
import { type Chain, chainOf } from "./chain.ts";
import { type Codec, type CodecField, defineCodec, type FilterScalar } from "./contract.ts";
import { mergeTypeDefs } from "./type-defs.ts";

/** GraphQL side of a codec: all that its types are made of. */
export interface CodecShape extends Pick<Codec, "name" | "output" | "input" | "typeDefs"> {
  readonly fields: Readonly<
    Record<string, Pick<CodecField, "type" | "description"> & Partial<Pick<CodecField, "args" | "filter">>>
  >;
}

/** A codec that values were written with and that is not loaded: its types and columns stay, its values cannot be told. */
export interface MissingCodec {
  readonly shape: CodecShape;
  readonly facts: CodecFacts;
  /** Why it is not loaded; a whole sentence. */
  readonly reason: string;
  readonly remedy: string;
}

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
  /** `args` of `@codec` that it takes, as SDL; absent: none. */
  readonly args?: string;
  /** SDL of the types that `args` may name. */
  readonly argTypes?: string;
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
  /** @throws {CODEC_UNKNOWN} naming the codecs there are; {CODEC_UNAVAILABLE} for one that is missing, saying why. */
  get(name: string): Codec;
  find(name: string): Codec | undefined;
  /** The error that a value of a missing codec is answered with; `undefined` for a codec that is not missing. */
  unavailable(name: string): ServiceError | undefined;
  /** GraphQL input type of a codec, loaded or missing. */
  inputType(name: string): string | undefined;
  readonly all: readonly Codec[];
  readonly facts: ReadonlyMap<string, CodecFacts>;
  readonly outputs: ReadonlyMap<string, OutputType>;
  /** SDL of all input and auxiliary types, each once. Output types are made from {@link outputs}. */
  readonly typeDefs: string;
  /** Every GraphQL type name that codecs bring, output types included: reserved for models. */
  readonly typeNames: ReadonlySet<string>;
}

/**
 * `missing`: codecs that are known and not loaded.
 * @throws {CONFIG_INVALID} when names clash, a chain leads nowhere, or types that are shared do not agree.
 */
export function createRegistry(
  codecs: readonly Codec[],
  missing: readonly MissingCodec[] = [],
): CodecRegistry {
  const byName = new Map<string, Codec>();
  for (const codec of codecs) {
    if (byName.has(codec.name)) {
      throw wrong(`Two codecs are called "${codec.name}". Remove or rename one.`, codec.name);
    }
    byName.set(codec.name, Object.isFrozen(codec) ? codec : defineCodec(codec));
  }
  const all = [...byName.values()];
  const absent = new Map(missing.map((one) => [one.shape.name, one]));
  const unavailable = (name: string) => errorOf(absent.get(name));
  const lookup = {
    get(name: string): Codec {
      const codec = byName.get(name);
      if (codec === undefined) throw unavailable(name) ?? unknown(name, byName);
      return codec;
    },
  };
  const facts = new Map([
    ...all.map((codec) => [codec.name, factsOf(lookup, codec)] as const),
    ...missing.map((one) => [one.facts.name, one.facts] as const),
  ]);
  const shapes: readonly CodecShape[] = [...all, ...missing.map(({ shape }) => shape)];
  const outputs = mergeOutputs(shapes);
  const defs = mergeTypeDefs(shapes);
  checkNames(shapes, { outputs, defs });
  return Object.freeze({
    ...lookup,
    find: (name: string) => byName.get(name),
    unavailable,
    inputType: (name: string) => (byName.get(name) ?? absent.get(name)?.shape)?.input,
    all,
    facts,
    outputs,
    typeDefs: [...defs.values()].map((def) => def.text).join("\n\n"),
    typeNames: new Set([...outputs.keys(), ...defs.keys()]),
  });
}

function errorOf(missing: MissingCodec | undefined): ServiceError | undefined {
  if (missing === undefined) return undefined;
  const { shape, reason, remedy } = missing;
  return new ServiceError(
    "CODEC_UNAVAILABLE",
    `The value was written by the codec "${shape.name}", which is not loaded: ${reason}`,
    { details: { codec: shape.name, remedy } },
  );
}

function unknown(name: string, known: ReadonlyMap<string, Codec>): ServiceError {
  const names = [...known.keys()].sort().join(", ") || "none";
  return new ServiceError("CODEC_UNKNOWN", `No codec is called "${name}". Loaded: ${names}.`, {
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
    ...(codec.args === undefined ? {} : { args: codec.args, argTypes: codec.typeDefs }),
    ...(codec.peer === undefined ? {} : { peer: codec.peer }),
  };
}

function mergeOutputs(codecs: readonly CodecShape[]): Map<string, OutputType> {
  const outputs = new Map<string, OutputType>();
  for (const [name, group] of Map.groupBy(codecs, (codec) => codec.output)) {
    const fieldNames = new Set(group.flatMap((codec) => Object.keys(codec.fields)));
    const fields = new Map([...fieldNames].map((field) => [field, mergeField(name, field, group)]));
    outputs.set(name, { name, codecs: group.map((codec) => codec.name), fields });
  }
  return outputs;
}

function mergeField(output: string, name: string, group: readonly CodecShape[]): OutputField {
  const found = group.flatMap((codec) => codec.fields[name] ?? []);
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
  codecs: readonly CodecShape[],
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
