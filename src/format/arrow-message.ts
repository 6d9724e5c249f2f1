/**
 * Messages of Arrow: where record batches and dictionaries lie in a file or a stream, and where the buffers of their columns lie.
 *
 * @source https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
 */

import { corrupt } from "./fault.ts";
import { FlatTable } from "./flatbuffer.ts";
import { type ByteSource, maxMetadataBytes, wholeNumber } from "./table.ts";

/** Kinds of messages. */
export const messageKind = { schema: 1, dictionary: 2, batch: 3 } as const;

/** A message: its header, and its body, which is not read yet. */
export interface ArrowMessage {
  readonly kind: number;
  readonly header: FlatTable;
  /** MetadataVersion: 3 is V4, 4 is V5. */
  readonly version: number;
  readonly bodyStart: number;
  readonly bodySize: number;
}

/** Nodes, buffers and compression of a record batch; buffers lie at places of the file. */
export interface ArrowBatch {
  readonly rowCount: number;
  readonly nodes: readonly { readonly length: number; readonly nullCount: number }[];
  readonly buffers: readonly { readonly start: number; readonly end: number }[];
  readonly variadic: readonly number[];
  readonly compression: "none" | "lz4" | "zstd";
  /** Unions have a validity buffer of their own. */
  readonly oldUnions: boolean;
}

/** Small reads in order, each of which may answer the next. */
export class MessageReader {
  readonly #source: ByteSource;
  readonly #signal: AbortSignal | undefined;
  /** Of one read, where messages follow each other closely. */
  readonly #windowBytes: number;
  #window = new Uint8Array();
  #start = 0;

  constructor(source: ByteSource, signal: AbortSignal | undefined, windowBytes = 65_536) {
    this.#source = source;
    this.#signal = signal;
    this.#windowBytes = windowBytes;
  }

  /** The message at a place; `undefined` at the end. @throws {CODEC_CORRUPT} */
  async at(place: number): Promise<ArrowMessage | undefined> {
    if (place + 4 > this.#source.sizeBytes) return undefined;
    let [start, size] = [place + 4, (await this.#read(place, place + 4)).getInt32(0, true)];
    // Files since 2019 mark a message by four bytes of ones.
    if (size === -1) [start, size] = [place + 8, (await this.#read(place + 4, place + 8)).getInt32(0, true)];
    if (size === 0) return undefined;
    if (size < 0 || size > maxMetadataBytes) throw corrupt(`The metadata of a message has ${size} bytes.`);
    const view = await this.#read(start, start + size);
    const message = FlatTable.root(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    const header = message.table(2);
    if (header === undefined) throw corrupt("A message says nothing.");
    const bodySize = wholeNumber(message.i64(3), "The size of a body");
    const bodyStart = start + size;
    if (bodyStart + bodySize > this.#source.sizeBytes)
      throw corrupt("The body of a message ends beyond the file.");
    return { kind: message.u8(1), version: message.i16(0), header, bodyStart, bodySize };
  }

  async #read(start: number, end: number): Promise<DataView> {
    if (end > this.#source.sizeBytes) throw corrupt("A message ends beyond the file.");
    if (start < this.#start || end > this.#start + this.#window.length) {
      const until = Math.min(this.#source.sizeBytes, Math.max(end, start + this.#windowBytes));
      this.#window = Uint8Array.from(await this.#source.read(start, until, this.#signal));
      this.#start = start;
    }
    return new DataView(this.#window.buffer, start - this.#start, end - start);
  }
}

const compressions = ["lz4", "zstd"] as const;

/** The record batch of a message, or the one in a dictionary. @throws {CODEC_CORRUPT} */
export function readBatch(message: ArrowMessage, header: FlatTable = message.header): ArrowBatch {
  const nodes = header.structs(1, 16).map((view) => ({
    length: wholeNumber(view.getBigInt64(0, true), "The length of a column"),
    nullCount: wholeNumber(view.getBigInt64(8, true), "The number of nulls"),
  }));
  const buffers = header.structs(2, 16).map((view) => {
    const offset = wholeNumber(view.getBigInt64(0, true), "The place of a buffer");
    const size = wholeNumber(view.getBigInt64(8, true), "The size of a buffer");
    if (offset + size > message.bodySize) throw corrupt("A buffer ends beyond its message.");
    return { start: message.bodyStart + offset, end: message.bodyStart + offset + size };
  });
  const compression = header.table(3);
  const codec = compression === undefined ? "none" : compressions[compression.u8(0)];
  if (codec === undefined) throw corrupt("The buffers are compressed in an unknown way.");
  return {
    rowCount: wholeNumber(header.i64(0), "The number of rows"),
    nodes,
    buffers,
    variadic: header
      .structs(4, 8)
      .map((view) => wholeNumber(view.getBigInt64(0, true), "A number of buffers")),
    compression: codec,
    oldUnions: message.version < 4,
  };
}
