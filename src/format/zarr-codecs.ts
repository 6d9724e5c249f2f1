/** The codecs that an array's metadata name, as a layout that says how chunks are read; or the name of one that is not read. */

import { strides } from "./array.ts";
import type { Dtype } from "./dtype.ts";
import { corrupt, shown } from "./fault.ts";
import { axesOf, type ByteStep, type ChunkLayout, type ShardLayout } from "./zarr-array.ts";
import { entryOf, plainJson, type ZarrJson } from "./zarr-json.ts";

/** What the codecs of an array say. */
export type Codecs =
  | { readonly layout: ChunkLayout; readonly shard?: ShardLayout }
  | { readonly foreign: string };

const maxSteps = 8;
const steps: Readonly<Record<string, ByteStep["name"]>> = {
  zstd: "zstd",
  gzip: "gzip",
  zlib: "zlib",
  blosc: "blosc",
  lz4: "lz4",
  crc32c: "crc32c",
};

/** A step by its name, with or without the prefix that zarr-python gives to codecs of numcodecs. */
function byteStep(name: string): ByteStep | undefined {
  const bare = name.startsWith("numcodecs.") ? name.slice("numcodecs.".length) : name;
  const known = Object.hasOwn(steps, bare) ? steps[bare] : undefined;
  return known === undefined ? undefined : { name: known };
}

/** A codec as version 3 writes it. */
interface NamedCodec {
  readonly name: string;
  readonly options: ZarrJson | undefined;
}

function named(value: ZarrJson): NamedCodec {
  const name = typeof value === "string" ? value : entryOf(value, "name");
  if (typeof name !== "string" || name.length > 200) throw corrupt("A codec has no name.");
  return { name, options: entryOf(value, "configuration") };
}

function listOf(value: ZarrJson | undefined, what: string): NamedCodec[] {
  if (!Array.isArray(value) || value.length > maxSteps) {
    throw corrupt(
      `The ${what} are ${shown(plainJson(value ?? null))}, no list of at most ${maxSteps} codecs.`,
    );
  }
  return value.map(named);
}

/** The codecs of an array of version 3 whose files hold chunks of `shape`. */
export function codecsOfV3(value: ZarrJson | undefined, shape: readonly number[], type: Dtype): Codecs {
  const [first, ...rest] = listOf(value, "codecs");
  if (first?.name !== "sharding_indexed")
    return chunkCodecs(first === undefined ? [] : [first, ...rest], shape, type);
  if (rest.length > 0) return { foreign: `${rest[0]?.name} around a shard` };
  const inner = axesOf(entryOf(first.options, "chunk_shape"), "The chunk_shape of a shard", 1);
  const fits = inner.length === shape.length && shape.every((n, i) => n % (inner[i] ?? 1) === 0);
  if (!fits)
    throw corrupt(`A shard of ${shown(shape)} elements has no whole number of chunks of ${shown(inner)}.`);
  const found = chunkCodecs(listOf(entryOf(first.options, "codecs"), "codecs of a shard"), inner, type);
  if ("foreign" in found) return found;
  const index = indexCodecs(listOf(entryOf(first.options, "index_codecs"), "index_codecs"));
  if (index === undefined) return { foreign: "a shard index that is packed" };
  const place = entryOf(first.options, "index_location") ?? "end";
  if (place !== "end" && place !== "start") throw corrupt("The index_location of a shard is start or end.");
  return { ...found, shard: { shape, isIndexAtEnd: place === "end", ...index } };
}

function indexCodecs(
  codecs: readonly NamedCodec[],
): Pick<ShardLayout, "isIndexSwapped" | "hasIndexChecksum"> | undefined {
  const [bytes, checksum, ...more] = codecs;
  if (bytes?.name !== "bytes" || more.length > 0) return undefined;
  if (checksum !== undefined && checksum.name !== "crc32c") return undefined;
  return { isIndexSwapped: isBig(bytes), hasIndexChecksum: checksum !== undefined };
}

function isBig({ options }: NamedCodec): boolean {
  const endian = entryOf(options, "endian") ?? "little";
  if (endian !== "little" && endian !== "big")
    throw corrupt("The endian of the codec bytes is little or big.");
  return endian === "big";
}

function chunkCodecs(codecs: readonly NamedCodec[], shape: readonly number[], type: Dtype): Codecs {
  let axes = shape.map((_, axis) => axis);
  let isSwapped: boolean | undefined;
  const after: ByteStep[] = [];
  for (const codec of codecs) {
    const step = byteStep(codec.name);
    if (isSwapped === undefined && codec.name === "transpose") axes = transposed(axes, codec);
    else if (isSwapped === undefined && codec.name === "bytes") isSwapped = isBig(codec);
    else if (isSwapped !== undefined && step !== undefined) after.push(step);
    else return { foreign: `the codec ${codec.name}` };
  }
  if (isSwapped === undefined) throw corrupt("No codec makes bytes of the elements.");
  const hasOrder = type.kind !== "S" && type.kind !== "V" && type.itemSizeBytes > 1;
  return {
    layout: { shape, strides: stridesOf(shape, axes), isSwapped: isSwapped && hasOrder, steps: after },
  };
}

function transposed(axes: readonly number[], { options }: NamedCodec): number[] {
  const order = entryOf(options, "order");
  if (order === "C") return [...axes];
  if (order === "F") return axes.toReversed();
  const found = axesOf(order, "The order of a transpose", 0);
  const isPermutation =
    found.length === axes.length &&
    new Set(found).size === axes.length &&
    found.every((n) => n < axes.length);
  if (!isPermutation)
    throw corrupt(`The order of a transpose is ${shown(found)}, no order of ${axes.length} axes.`);
  return found.map((n) => axes[n] ?? 0);
}

/** Strides by axis of a chunk that is stored with its axes in another order, slowest first. */
function stridesOf(shape: readonly number[], axes: readonly number[]): number[] {
  const stored = strides(
    axes.map((axis) => shape[axis] ?? 1),
    false,
  );
  const out = new Array<number>(shape.length).fill(1);
  for (const [at, axis] of axes.entries()) out[axis] = stored[at] ?? 1;
  return out;
}

/** The codecs of an array of version 2. */
export function codecsOfV2(document: ZarrJson, shape: readonly number[]): Codecs {
  const order = entryOf(document, "order");
  if (order !== "C" && order !== "F")
    throw corrupt(`The order is ${shown(plainJson(order ?? null))}, not C or F.`);
  const filters = entryOf(document, "filters") ?? null;
  if (Array.isArray(filters) && filters.length > 0) return { foreign: `the filter ${idOf(filters[0])}` };
  if (filters !== null && !Array.isArray(filters)) throw corrupt("The filters are no list.");
  const layout = { shape, strides: strides(shape, order === "F"), isSwapped: false };
  const compressor = entryOf(document, "compressor") ?? null;
  if (compressor === null) return { layout: { ...layout, steps: [] } };
  const step = byteStep(idOf(compressor));
  return step === undefined
    ? { foreign: `the compressor ${idOf(compressor)}` }
    : { layout: { ...layout, steps: [step] } };
}

function idOf(value: ZarrJson | undefined): string {
  const id = entryOf(value, "id");
  if (typeof id !== "string" || id.length > 200) throw corrupt("A compressor or filter has no id.");
  return id;
}
