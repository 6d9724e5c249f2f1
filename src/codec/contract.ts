/**
 * The codec contract, public as `holdfast/codec`.
 *
 * A codec turns a value into bytes (or JSON metadata) and back, says how its default fields are read in SQL, and states its
 * GraphQL types as SDL text. It is pure: no clock, no environment, no network; encoding is deterministic.
 */

import { ServiceError } from "../errors.ts";
import type { DecodeLimits } from "../format/decode-limits.ts";
import { faultOf, withDerived } from "./define.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Random access to bytes, wherever they lie. Ranges are half open, in bytes. */
export interface ByteReader {
  readonly sizeBytes: number;
  /** Exactly `end - start` bytes. @throws {OBJECT_CORRUPT} when fewer arrive. */
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
  stream(start?: number, end?: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** `read` for libraries that cannot wait. Present for bytes in memory and wherever a codec runs in a worker thread. */
  readSync?(start: number, end: number): Uint8Array;
}

/** One file of a folder. `path` is relative, with `/`. */
export interface TreeEntry {
  readonly path: string;
  readonly sizeBytes: number;
}

/** A folder of files, in byte order of their paths. */
export interface TreeReader {
  entries(options?: { prefix?: string; after?: string; signal?: AbortSignal }): AsyncIterable<TreeEntry>;
  file(path: string, signal?: AbortSignal): Promise<ByteReader | undefined>;
}

/** One file of a folder that a codec writes. `path` is relative, with `/`. */
export interface EncodedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What `encode` gives: the bytes, and what the codec wants to remember in the metadata. */
export interface Encoded {
  /** Repeatable: a write that loses a race is staged again. */
  readonly body: Uint8Array | (() => AsyncIterable<Uint8Array>);
  /** The files of a folder, at least one, instead of `body`, which is then empty; for schema addressing. */
  readonly files?: readonly EncodedFile[];
  /** File extension with its dot, for schema-addressed objects. */
  readonly ext?: string;
  /** Own metadata keys, merged into the JSON of the row; names as the peer writes them (`dtype`, `shape`). */
  readonly meta?: JsonObject;
}

/** How a codec takes bytes that arrive by upload instead of by value. */
export interface UploadSide {
  /** Decided before the first byte: the object's extension and bytes to put before the content (`attach`). */
  begin(upload: { readonly filename: string; readonly isTree: boolean }): {
    readonly ext?: string;
    readonly prefix?: Uint8Array;
  };
  /** Metadata of what arrived. @throws {CODEC_INVALID_VALUE} when it is not in the codec's format. */
  inspect(
    upload: {
      readonly filename: string;
      readonly mediaType?: string | undefined;
      /** SHA-256 of what the client sent, without the codec's prefix; 64 hex digits. Absent where nobody computed it. */
      readonly contentSha256?: string | undefined;
      /** The object as it lies in the store, the prefix included. */
      readonly value: StoredValue;
    },
    context: EncodeContext,
  ): Promise<JsonObject>;
}

/** An object as written to its store, from which a store codec makes the row's JSON. */
export interface StoredObject {
  readonly store: string;
  readonly path: string;
  /** PostgreSQL schema of the table that declares the field. */
  readonly schema: string;
  readonly sizeBytes: number;
  /** 64 hex digits; absent for folders. */
  readonly sha256?: string;
  /** MD5 in lower-case base32 (26 characters); present for hash-addressed objects. */
  readonly hash?: string;
  readonly ext?: string;
  readonly isTree: boolean;
  /** Files in a folder. */
  readonly itemCount?: number;
  readonly writtenAt: Date;
}

/** A stored value as read: the row's JSON (store codecs, or chains ending in json) and access to the bytes. */
export interface StoredValue {
  readonly meta: JsonObject | undefined;
  /**
   * Bytes in the row, or the object's bytes. `first`: so many from the beginning are wanted in any case; where the row does not tell
   * the size, they are read instead of asking the store for it. Throws OBJECT_MISSING when the object is gone.
   */
  bytes(first?: number): Promise<ByteReader>;
  /** For folders. */
  tree(): Promise<TreeReader>;
  /**
   * What several fields of one value have in common, made once for all that are asked together; `key` is the maker's own. It is not to be
   * changed by who gets it. Absent where one alone is asked.
   */
  shared?<Made>(key: symbol, make: () => Promise<Made>): Promise<Made>;
  /** What the store says of the object now, without reading it; `undefined` when it is gone. Absent where there is no store. */
  head?(): Promise<ReferenceHead | undefined>;
}

/** A file or folder of the user's own, as its store sees it. */
export interface ReferenceHead {
  readonly isDirectory: boolean;
  /** Bytes of a file; absent for folders. */
  readonly sizeBytes?: number;
  readonly modifiedAt?: Date;
}

/** What a codec with `external` addressing is told of the store when a reference is written. */
export interface ReferContext extends EncodeContext {
  /** Resolved name of the store. */
  readonly store: string;
  /** The store's own sections, refused to users, and the prefix that references must have, if one is set. */
  readonly prefixes: {
    readonly hash: string;
    readonly schema: string;
    readonly filepath?: string | undefined;
  };
  /** Looks at a file or folder in the store, by path. `undefined`: there is none. */
  head(path: string): Promise<ReferenceHead | undefined>;
  /** Now, from the database's or the server's clock; codecs have none. */
  readonly now: Date;
}

export interface EncodeContext {
  readonly schema: string;
  readonly table: string;
  /** GraphQL field name, for messages. */
  readonly field: string;
  readonly inStore: boolean;
  readonly args: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal | undefined;
  /** What inspecting an upload may take; absent: the defaults. */
  readonly limits?: DecodeLimits | undefined;
}

export interface DecodeContext {
  readonly field: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** What decoding may take; absent: the defaults. */
  readonly limits?: DecodeLimits | undefined;
  /** Largest value that may be answered inline, in bytes of decoded data. */
  readonly inlineLimitBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a codec field may be filtered by: a GraphQL scalar, by which rows are ordered too, or `IntList`, a list of whole numbers
 * (`[Int!]`, whose SQL is a JSON list). SQL of a `DateTime` is RFC 3339 text that PostgreSQL surely reads as an instant.
 */
export type FilterScalar = "String" | "Int" | "BigInt" | "Float" | "Boolean" | "DateTime" | "IntList";

/**
 * One field of a codec's GraphQL output type. `url` is added by the service.
 *
 * A field with both `sql` and `read` is answered by SQL; where SQL gives NULL although the value is not null (a row written by
 * DataJoint, which lacks our keys; a compressed blob), the service asks `read`. With `sql` alone, NULL is the answer.
 */
export interface CodecField {
  /**
   * Output type as SDL: `String!`, `[Int!]`, `JSON`, or an object type of the codec's `typeDefs`: then the answer is an object
   * with its fields, of which the service takes those selected. `BigInt` is answered as a decimal string.
   */
  readonly type: string;
  readonly description: string;
  /** Arguments as SDL: `slice: [SliceInput!]`. */
  readonly args?: string;
  /**
   * SQL expression for the value, given the column as quoted SQL; by placement. Absent: `read` is used.
   * Store columns are jsonb, row columns are what `chain` says. The expression must be of the PostgreSQL type whose
   * JSON form is the answer (`text`, `int8`, `bool`, `jsonb`…), and NULL where the column is: filters and orders ask it of such rows too.
   */
  readonly sql?: { readonly row?: (column: string) => string; readonly store?: (column: string) => string };
  /** Filter that this field offers; needs `sql`. */
  readonly filter?: FilterScalar;
  /** The value, where SQL cannot tell it. The answer is plain JSON in the shape of `type`. */
  readonly read?: (
    value: StoredValue,
    args: Readonly<Record<string, unknown>>,
    context: DecodeContext,
  ) => Promise<Json>;
  /** Set by {@link defineCodec}: the field is the URL of what is derived by this name. */
  readonly derived?: string;
}

/**
 * What can be made of an object and deserves a URL of its own: a small copy of an image. It is made when its URL is read, by the limits of
 * decoding, and kept in memory for a while; it is never stored. The service adds the field `<name>Url` with `args` and `expiresIn`.
 */
export interface Derived {
  readonly description: string;
  /** Arguments as SDL; none of them is `expiresIn`. */
  readonly args?: string;
  /** The arguments checked and in full, so that one wish is written in one way. @throws {BAD_USER_INPUT} */
  settle(args: Readonly<Record<string, unknown>>): JsonObject;
  /** Extension of the file, with its dot: `.webp`. The media type is that of the extension, where no browser would run it. */
  ext(args: JsonObject): string;
  /** The file: the same for the same object and arguments. Of the row's JSON `value.meta` has `store`, `path`, `is_dir` and `size` alone. */
  make(value: StoredValue, args: JsonObject, context: DecodeContext): Promise<Uint8Array>;
}

/** An array as codecs hand it to one another. */
export interface ExchangedArray {
  /** As numpy prints it. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Elements in C order, little-endian. */
  readonly bytes: Uint8Array;
}

/**
 * What a value can be taken over as when a field changes its codec (`holdfast migrate`). The same codec in another place needs nothing of this:
 * its bytes move as they are.
 */
export interface Exchange {
  /** True where a value is a file: the content that `url` serves is what an upload brings. */
  readonly file?: boolean;
  readonly array?: {
    /** `decoded` is what `decode` has answered; `undefined` where it is no array of numbers. */
    readonly give: (decoded: unknown) => ExchangedArray | undefined;
    /** Input for `encode`. @throws {CODEC_INVALID_VALUE} when the codec cannot keep such an array. */
    readonly take: (array: ExchangedArray) => Readonly<Record<string, unknown>>;
  };
  /** JSON as text, one for equal values; whole numbers are told from others, and no digit is lost. */
  readonly json?: {
    /** Field whose answer `give` is handed; absent: what `decode` has answered. */
    readonly field?: string;
    /** `undefined` where JSON could not give the value back. */
    readonly give: (found: unknown) => string | undefined;
    /** Input for `encode`. @throws {CODEC_INVALID_VALUE} when the codec cannot keep it. */
    readonly take: (text: string) => Readonly<Record<string, unknown>>;
  };
}

/** What a codec is about to be asked. */
export interface UnfoldQuestion {
  /** Field of the codec's type; absent where the whole value is decoded, inspected, or something is derived of it. */
  readonly field?: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Up to so many bytes are unfolded at once, more in a worker thread: beyond it numbers make no difference. */
  readonly atOnceBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** The codec contract of this version. */
export const codecContract = 1;

/** A codec. Make one with {@link defineCodec}. */
export interface Codec {
  /** As in DataJoint's spec: `npy` for `<npy@main>`. */
  readonly name: string;
  /** Of the codec itself, from 1; counts up when what it writes changes. */
  readonly version: number;
  /** The codec contract that it was written for ({@link codecContract}); absent: 1. */
  readonly contract?: number;
  /** One sentence for `holdfast codec list`. */
  readonly summary: string;
  /**
   * What the codec stands on, without and with a store: a core type (`bytes`, `json`) or another codec (`<hash>`).
   * Absent placement: declaring a field so is an error.
   */
  readonly chain: {
    readonly row?: "bytes" | "json" | `<${string}>`;
    readonly store?: "json" | `<${string}>`;
  };
  /** Where objects lie; required when `chain.store` is `json`. `external`: the user's own files, never written or deleted. */
  readonly addressing?: "hash" | "schema" | "external";
  /**
   * What DataJoint is told that a column holds, for codecs that it does not have: a core type in the row (`bytes`), one of its own codecs
   * in a store (`object`, `hash`), whose keys the row's JSON must then have. It lists, reads and downloads such values, and its own collector
   * sees that they are used. Absent: the codec's own name, which only a DataJoint with a codec of that name can read.
   */
  readonly peer?: { readonly row?: string; readonly store?: string };
  /** GraphQL output type name, shared between codecs that give the same kind of value. */
  readonly output: string;
  /** GraphQL input type name (a `@oneOf` input). Its `upload: ID`, if declared, is handled by the service. */
  readonly input: string;
  /** SDL of the input type and of auxiliary types (not of the output type, which is made from `fields`). */
  readonly typeDefs: string;
  readonly fields: Readonly<Record<string, CodecField>>;
  /** By name. Only objects in a store have them; of the user's own files nothing is made. */
  readonly derived?: Readonly<Record<string, Derived>>;
  /**
   * Where stored bytes are decoded. Absent: in a worker thread when there are many of them, else at once. `always`: in a worker thread, for
   * libraries that are synchronous or native. `never`: at once, for codecs that hardly look into the bytes.
   */
  readonly apart?: "always" | "never";
  /**
   * How many bytes an answer may have to unfold, where the value may be compressed; read from its head, never by unfolding it. A folder's small
   * files that are read for this are kept for the answer. Absent: as many as it has. @throws as the answer would.
   */
  unfoldedBytes?(value: StoredValue, asked: UnfoldQuestion): Promise<number>;
  /**
   * What `@codec(args: {…})` may say, as SDL: `rate: Float! = 30000, unit: Unit = MILLISECONDS`. Types are Int, Float, String, Boolean,
   * ID, enums of `typeDefs`, and lists of these. The schema file is checked by it; contexts have the values, defaults filled in. They
   * are not in the database: what reading needs belongs into the bytes or `meta`. Absent: the codec takes none.
   */
  readonly args?: string;
  /** True where a value may be a folder. */
  readonly acceptsTree?: boolean;
  /** Refuses a value before anything is written. @throws {CODEC_INVALID_VALUE} naming field, value and remedy. */
  validate?(input: Readonly<Record<string, unknown>>, context: EncodeContext): void;
  /**
   * `input` is the coerced GraphQL input object (never its `upload` variant). For an inner codec of a chain: `{body}`.
   * Where the chain ends in json without a store, the row's JSON is `meta`.
   */
  encode(input: Readonly<Record<string, unknown>>, context: EncodeContext): Encoded | Promise<Encoded>;
  /** Absent: the codec takes no uploads. */
  readonly upload?: UploadSide;
  /** The row's JSON for a stored object, key for key as the peer writes it; required when `chain.store` is `json` and the bytes are ours. */
  metadata?(object: StoredObject, meta: JsonObject): JsonObject;
  /**
   * For `external` addressing, instead of `encode`: checks the path, looks at the file, and gives the row's JSON.
   * @throws {CODEC_INVALID_VALUE} naming the path and the remedy.
   */
  refer?(input: Readonly<Record<string, unknown>>, context: ReferContext): Promise<JsonObject>;
  /**
   * For an inner codec: the value as the codec that stands on it sees it, so that ranges can be read without the whole.
   * Absent: the bytes of `decode`.
   */
  unwrap?(value: StoredValue): StoredValue;
  /** The whole value, as the codec's neutral JavaScript form. */
  decode(value: StoredValue, context: DecodeContext): Promise<unknown>;
  /** How other codecs take over its values, and it theirs. Absent: not at all. */
  readonly exchange?: Exchange;
  /** What `url` serves of the bytes: absent = all. For `attach` the content behind the name. */
  content?(reader: ByteReader): Promise<{ readonly start: number; readonly filename?: string }>;
  /** The same from the row's JSON, so that a url costs no look into the store. `undefined`: the row does not tell, `content` is asked. */
  contentByMeta?(meta: JsonObject): { readonly start: number; readonly filename?: string } | undefined;
}

/** Checks and freezes a codec. @throws {CONFIG_INVALID} when its parts do not fit together. */
export function defineCodec(codec: Codec): Codec {
  const wrong = faultOf(codec);
  if (wrong !== undefined) {
    throw new ServiceError("CONFIG_INVALID", `Codec ${JSON.stringify(codec.name)}: ${wrong}.`, {
      details: { field: "codec", value: codec.name },
    });
  }
  return Object.freeze(codec.derived === undefined ? codec : { ...codec, fields: withDerived(codec) });
}
