/** Chunks that lie together in one file: the index is read, then the ranges of the chunks that are wanted, neighbours together. */

import { elementCount } from "./array.ts";
import { crc32c } from "./crc32c.ts";
import { corrupt } from "./fault.ts";
import { type GridPart, gridParts } from "./grid.ts";
import { inOrder } from "./in-order.ts";
import type { ShardLayout } from "./zarr-array.ts";
import { maxPackedBytes } from "./zarr-bytes.ts";
import {
  chunkBytes,
  chunkPath,
  elementsOf,
  type FoundPart,
  filled,
  type ReadableArray,
} from "./zarr-elements.ts";
import type { ZarrFile, ZarrFolder } from "./zarr-folder.ts";

/** Ranges nearer than this are read as one. */
const mergeGapBytes = 65_536;
/** Where a joined range ends. */
const maxSpanBytes = 8 * 2 ** 20;
const readsAhead = 4;
/** Largest index that is read, in bytes. */
const maxIndexBytes = 64 * 2 ** 20;

interface InnerChunk {
  readonly part: GridPart;
  readonly start: number;
  readonly end: number;
}

/** The parts of a selection that lie in one shard. `whole.axes` counts from the shard's first element. */
export async function* readShard(
  folder: ZarrFolder,
  array: ReadableArray & { readonly shard?: ShardLayout },
  at: { readonly whole: GridPart; readonly signal: AbortSignal | undefined },
): AsyncGenerator<FoundPart> {
  const { whole, signal } = at;
  const { shard } = array;
  if (shard === undefined) return;
  signal?.throwIfAborted();
  const placed = (part: GridPart): GridPart => ({
    ...part,
    to: part.to.map((to, i) => to + (whole.to[i] ?? 0)),
  });
  const file = await folder.file(chunkPath(array, whole.at), signal);
  const index = file && (await readIndex(file, shard, { array, signal }));
  const found: InnerChunk[] = [];
  for (const part of gridParts(whole.axes, array.chunks)) {
    const span = index?.spanOf(part.at);
    if (span === undefined) yield { part: placed(part), elements: filled(array) };
    else found.push({ part: placed(part), ...span });
  }
  if (file === undefined || found.length === 0) return;
  found.sort((a, b) => a.start - b.start || a.end - b.end);
  const spans = inOrder(joined(found), readsAhead, async (span) => ({
    span,
    bytes: await file.read(span.start, span.end, signal),
  }));
  for await (const { span, bytes } of spans) {
    for (const { part, start, end } of span.chunks) {
      signal?.throwIfAborted();
      const packed = bytes.subarray(start - span.start, end - span.start);
      yield { part, elements: await elementsOf(array, packed) };
    }
  }
}

interface Index {
  spanOf(at: readonly number[]): { readonly start: number; readonly end: number } | undefined;
}

/** Offset and size that say that a chunk is not there. */
const absent = 2n ** 64n - 1n;

async function readIndex(
  file: ZarrFile,
  shard: ShardLayout,
  { array, signal }: { readonly array: ReadableArray; readonly signal: AbortSignal | undefined },
): Promise<Index> {
  const counts = shard.shape.map((n, i) => n / (array.chunks[i] ?? 1));
  const size = Number(elementCount(counts)) * 16;
  const sizeStored = size + (shard.hasIndexChecksum ? 4 : 0);
  if (!(size <= maxIndexBytes)) throw corrupt(`The index of a shard would have ${size} bytes.`);
  if (file.sizeBytes < sizeStored) throw corrupt("A shard ends in its index.");
  const start = shard.isIndexAtEnd ? file.sizeBytes - sizeStored : 0;
  const bytes = await file.read(start, start + sizeStored, signal);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = !shard.isIndexSwapped;
  if (shard.hasIndexChecksum && view.getUint32(size, true) !== crc32c(bytes.subarray(0, size))) {
    throw corrupt("The index of a shard does not have its checksum (CRC-32C).");
  }
  const limit = maxPackedBytes(chunkBytes(array));
  return {
    spanOf(at) {
      const place = at.reduce((sum, n, i) => sum * (counts[i] ?? 1) + n, 0) * 16;
      const [offset, length] = [view.getBigUint64(place, little), view.getBigUint64(place + 8, little)];
      if (offset === absent && length === absent) return undefined;
      if (offset + length > BigInt(file.sizeBytes)) throw corrupt("A chunk lies outside of its shard.");
      if (length > BigInt(limit)) throw corrupt(`A chunk of a shard is stored in ${length} bytes.`);
      return { start: Number(offset), end: Number(offset + length) };
    },
  };
}

interface JoinedSpan {
  readonly start: number;
  readonly end: number;
  readonly chunks: readonly InnerChunk[];
}

function joined(chunks: readonly InnerChunk[]): JoinedSpan[] {
  const spans: { start: number; end: number; chunks: InnerChunk[] }[] = [];
  for (const chunk of chunks) {
    const last = spans.at(-1);
    const isNear = last !== undefined && chunk.start - last.end <= mergeGapBytes;
    if (last !== undefined && isNear && Math.max(last.end, chunk.end) - last.start <= maxSpanBytes) {
      last.end = Math.max(last.end, chunk.end);
      last.chunks.push(chunk);
    } else spans.push({ start: chunk.start, end: chunk.end, chunks: [chunk] });
  }
  return spans;
}
