/** Datasets and attributes of HDF5 files: what they are like, and their elements by slices. */

import { elementCount } from "./array.ts";
import { checkDecodeLimit } from "./decode-limits.ts";
import { corrupt, invalid } from "./fault.ts";
import { type Hdf5Elements, reversedAxes } from "./hdf5-elements.ts";
import type { Hdf5File } from "./hdf5-library.ts";
import type { LibraryMetadata } from "./hdf5-library-types.ts";
import { refused, resolvePath } from "./hdf5-path.ts";
import { type Hdf5Type, hasPointers, typeOf, Unreadable } from "./hdf5-type.ts";
import { type AxisSelection, selectedShape } from "./slice.ts";

/** A dataset. */
export interface Hdf5Dataset {
  readonly path: string;
  readonly metadata: LibraryMetadata;
  /** Null for one without values. */
  readonly shape: readonly number[] | null;
  /** Filters by name, in order: `gzip`, `shuffle`. */
  readonly filters: readonly string[];
  /** Absent where the elements are not read; then `unreadable` says why. */
  readonly type: Hdf5Type | undefined;
  readonly unreadable: string | undefined;
}

/** Filters that the library holds itself; it loads no others. */
const filterNames: Readonly<Record<number, string>> = {
  1: "gzip",
  2: "shuffle",
  3: "fletcher32",
  4: "szip",
  5: "nbit",
  6: "scaleoffset",
};
const longestAxis = 2 ** 31 - 1;

/** The dataset at a path. @throws {BAD_USER_INPUT} when there is none */
export function datasetAt(file: Hdf5File, path: string): Hdf5Dataset {
  const { library, id } = file;
  const real = resolvePath(file, path);
  const kind = file.ask("searched", () => library.get_type(id, real));
  if (kind !== library.H5G_DATASET) throw refused(path, "it is no dataset");
  return describedAt(file, real);
}

/** What a dataset is like; `path` must lead to one without links. */
export function describedAt(file: Hdf5File, path: string): Hdf5Dataset {
  const { library, id } = file;
  const metadata = file.ask("read", () => library.get_dataset_metadata(id, path));
  const filters = file.ask("read", () => library.get_dataset_filters(id, path));
  const names = filters.map((filter) => filterNames[filter.id] ?? `${filter.id} ${filter.name}`.trim());
  const foreign = filters.find((filter) => filterNames[filter.id] === undefined);
  const parts = { path, metadata, shape: metadata.shape, filters: names };
  try {
    if (metadata.virtual_sources !== undefined)
      throw new Unreadable("it is virtual: its values lie in other datasets");
    if (foreign !== undefined)
      throw new Unreadable(`it is compressed with the filter ${foreign.id} ${foreign.name}`.trim());
    if (metadata.shape?.some((length) => length > longestAxis))
      throw new Unreadable(`an axis is longer than ${longestAxis}`);
    return { ...parts, type: typeOf(metadata, file.limits.nesting), unreadable: undefined };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { ...parts, type: undefined, unreadable: error.message };
  }
}

/** The element type. @throws {CODEC_INVALID_VALUE} by name when the dataset is not read */
export function readableType({ path, type, unreadable }: Hdf5Dataset): Hdf5Type {
  if (type !== undefined) return type;
  throw invalid(`The dataset ${path} is not read here: ${unreadable}.`, { remedy: "Fetch the url." });
}

/** A selection of a dataset. */
interface Selection {
  readonly dataset: Hdf5Dataset;
  readonly type: Hdf5Type;
  readonly axes: readonly AxisSelection[];
  /** Told the bytes of all texts of variable length that were read so far, before each next one is; throws when they are too many. */
  readonly admitText?: (sizeBytes: number) => void;
}

/**
 * The selected elements, given to `use` while the library holds them. Only what holds them is read of the file.
 * @throws {LIMIT_EXCEEDED} when they, or a chunk that holds some, are too large
 */
export function withElements<T>(file: Hdf5File, selection: Selection, use: (found: Hdf5Elements) => T): T {
  const { dataset, type, axes, admitText } = selection;
  const counts = axes.map((axis) => axis.count);
  const sizeBytes = elementCount(counts) * BigInt(type.sizeBytes);
  checkDecodeLimit("outputBytes", file.limits, { count: sizeBytes, what: "bytes" });
  const chunkBytes = elementCount(dataset.metadata.chunks ?? []) * BigInt(type.sizeBytes);
  checkDecodeLimit("outputBytes", file.limits, { count: chunkBytes, what: "bytes in a chunk" });
  const { library, id } = file;
  const big = (numbers: readonly number[]) => numbers.map(BigInt);
  const slab = {
    counts: big(counts),
    // The library walks forward only.
    starts: big(axes.map((axis) => (axis.step < 0 ? axis.start + axis.step * (axis.count - 1) : axis.start))),
    steps: big(axes.map((axis) => Math.abs(axis.step))),
  };
  const isPoint = axes.length === 0;
  const read = (pointer: bigint) =>
    isPoint
      ? library.get_dataset_data(id, dataset.path, null, null, null, pointer)
      : library.get_dataset_data(id, dataset.path, slab.counts, slab.starts, slab.steps, pointer);
  const free = (pointer: bigint) =>
    isPoint
      ? library.reclaim_vlen_memory(id, dataset.path, "", pointer)
      : library.reclaim_vlen_memory_count(id, dataset.path, "", pointer, slab.counts);
  const back = axes.flatMap((axis, i) => (axis.step < 0 && axis.count > 1 ? [i] : []));
  const fill = { type, sizeBytes: Number(sizeBytes), read, free, admitText };
  return withMemory(file, fill, (bytes, textAt) => {
    const layout = { shape: counts, itemSizeBytes: type.sizeBytes, axes: back };
    return use({ type, shape: selectedShape(axes), bytes: reversedAxes(bytes, layout), textAt });
  });
}

/** An attribute's value, given to `use`. */
export function withAttribute<T>(
  file: Hdf5File,
  at: {
    readonly path: string;
    readonly name: string;
    readonly shape: readonly number[];
    readonly type: Hdf5Type;
    readonly admitText: (sizeBytes: number) => void;
  },
  use: (found: Hdf5Elements) => T,
): T {
  const { library, id } = file;
  const { path, name, shape, type, admitText } = at;
  const sizeBytes = elementCount(shape) * BigInt(type.sizeBytes);
  checkDecodeLimit("outputBytes", file.limits, { count: sizeBytes, what: "bytes" });
  const read = (pointer: bigint) => library.get_attribute_data(id, path, name, pointer);
  const free = (pointer: bigint) => library.reclaim_vlen_memory(id, path, name, pointer);
  return withMemory(file, { type, sizeBytes: Number(sizeBytes), read, free, admitText }, (bytes, textAt) =>
    use({ type, shape, bytes, textAt }),
  );
}

interface Fill {
  readonly type: Hdf5Type;
  readonly sizeBytes: number;
  readonly read: (pointer: bigint) => number;
  /** Gives back what the elements point to. */
  readonly free: (pointer: bigint) => number;
  readonly admitText: ((sizeBytes: number) => void) | undefined;
}

function withMemory<T>(
  file: Hdf5File,
  { type, sizeBytes, read, free, admitText }: Fill,
  use: (bytes: Uint8Array, textAt: Hdf5Elements["textAt"]) => T,
): T {
  const { library } = file;
  const textAt = textsIn(file, admitText);
  if (sizeBytes === 0) return use(new Uint8Array(), textAt);
  const pointer = file.ask("read", () => library._malloc(sizeBytes));
  if (pointer === 0) throw file.ask("read", () => new Error("memory allocation failed"));
  try {
    library.HEAPU8.fill(0, pointer, pointer + sizeBytes);
    if (file.ask("read", () => read(BigInt(pointer))) < 0) throw corrupt("The HDF5 file cannot be read.");
    try {
      return use(library.HEAPU8.slice(pointer, pointer + sizeBytes), textAt);
    } finally {
      if (hasPointers(type)) file.ask("read", () => free(BigInt(pointer)));
    }
  } finally {
    library._free(pointer);
  }
}

/** Reads texts out of the library's memory, as much as the limits allow in all. */
function textsIn({ library, limits }: Hdf5File, admit: Fill["admitText"]): Hdf5Elements["textAt"] {
  let total = 0;
  return (pointer) => {
    if (pointer === 0) return new Uint8Array();
    const end = library.HEAPU8.indexOf(0, pointer);
    if (end < 0) throw corrupt("A text of the HDF5 file does not end.");
    total += end - pointer;
    checkDecodeLimit("outputBytes", limits, { count: total, what: "bytes of text" });
    admit?.(total);
    return library.HEAPU8.slice(pointer, end);
  };
}
