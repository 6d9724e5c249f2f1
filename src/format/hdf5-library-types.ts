/** What is used of the HDF5 library and of the file system that it was compiled with. */

/** An element type as the library tells it. */
export interface LibraryType {
  /** Class: 0 integer, 1 float, 3 text, 4 bit field, 5 opaque, 6 compound, 7 reference, 8 enum, 9 variable length, 10 array, 11 complex. */
  readonly type: number;
  readonly size: number;
  readonly signed: boolean;
  readonly littleEndian: boolean;
  /** True for text of variable length. */
  readonly vlen: boolean;
  /** Of text: 0 ASCII, 1 UTF-8. */
  readonly cset?: number;
  /** Of text: 0 ends with a zero byte, 1 filled with zeros, 2 filled with spaces. */
  readonly strpad?: number;
  readonly compound_type?: { readonly members: readonly LibraryMember[] };
  readonly array_type?: LibraryType & { readonly shape: readonly number[] };
  readonly enum_type?: { readonly type: number; readonly members: Readonly<Record<string, number>> };
}

/** A member of a compound type. */
export interface LibraryMember extends LibraryType {
  readonly name: string;
  readonly offset: number;
}

/** A dataset or an attribute. */
export interface LibraryMetadata extends LibraryType {
  /** Null for one without values. */
  readonly shape: readonly number[] | null;
  readonly chunks?: readonly number[] | null;
  readonly virtual_sources?: readonly unknown[];
}

/** The library. Identifiers are of HDF5, pointers are into its memory. */
export interface Hdf5Library {
  readonly FS: LibraryFs;
  readonly H5F_ACC_RDONLY: number;
  readonly H5G_GROUP: number;
  readonly H5G_DATASET: number;
  readonly HEAPU8: Uint8Array;
  _malloc(sizeBytes: number): number;
  _free(pointer: number): void;
  activate_throwing_error_handler(): number;
  open(path: string, mode: number, trackOrder: boolean, low: number, high: number): bigint;
  close_file(id: bigint): number;
  get_names(id: bigint, path: string, recursive: boolean): string[];
  get_type(id: bigint, path: string): number;
  get_symbolic_link(id: bigint, path: string): string | null;
  get_external_link(id: bigint, path: string): { readonly filename?: string };
  get_dataset_metadata(id: bigint, path: string): LibraryMetadata;
  get_dataset_filters(id: bigint, path: string): { readonly id: number; readonly name: string }[];
  get_dataset_data(
    id: bigint,
    path: string,
    count: readonly bigint[] | null,
    offset: readonly bigint[] | null,
    stride: readonly bigint[] | null,
    pointer: bigint,
  ): number;
  get_attribute_names(id: bigint, path: string): string[];
  get_attribute_metadata(id: bigint, path: string, name: string): LibraryMetadata;
  get_attribute_data(id: bigint, path: string, name: string, pointer: bigint): number;
  reclaim_vlen_memory(id: bigint, path: string, attribute: string, pointer: bigint): number;
  reclaim_vlen_memory_count(
    id: bigint,
    path: string,
    attribute: string,
    pointer: bigint,
    count: readonly bigint[],
  ): number;
}

/** Emscripten's file system in memory. */
export interface LibraryFs {
  open(path: unknown, ...rest: unknown[]): unknown;
  unlink(path: string): void;
  analyzePath(path: string): { readonly exists: boolean };
  createFile(
    parent: string,
    name: string,
    properties: object,
    canRead: boolean,
    canWrite: boolean,
  ): LibraryNode;
  readonly ErrnoError: new (errno: number) => Error;
}

interface LibraryNode {
  usedBytes: number;
  stream_ops: {
    read?: (stream: unknown, heap: Int8Array, offset: number, length: number, position: number) => number;
    write?: () => never;
  };
}
