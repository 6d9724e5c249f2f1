/** The chunks that a selection of a Zarr array touches, and no others; of shards their index and their ranges. */

import { ServiceError } from "../errors.ts";
import { chunksTouched, type GridPart, gridParts } from "./grid.ts";
import { inOrder } from "./in-order.ts";
import type { AxisSelection } from "./slice.ts";
import { checkPackedSize } from "./zarr-bytes.ts";
import {
  chunkBytes,
  chunkPath,
  elementsOf,
  type FoundPart,
  filled,
  type ReadableArray,
} from "./zarr-elements.ts";
import type { ZarrFolder } from "./zarr-folder.ts";
import { readShard } from "./zarr-shard.ts";

interface VisitOptions {
  /** Most chunks that may be touched. */
  readonly maxChunks: number;
  readonly signal?: AbortSignal | undefined;
}

/** Unpacked chunks that wait at the same time have about so many bytes together. */
const aheadBytes = 64 * 2 ** 20;
const maxAhead = 8;

/** The parts of a selection, in an order of the array's own. @throws {LIMIT_EXCEEDED} when it touches too many chunks. */
export async function* visitParts(
  folder: ZarrFolder,
  array: ReadableArray,
  at: { readonly axes: readonly AxisSelection[]; readonly options: VisitOptions },
): AsyncGenerator<FoundPart> {
  const { axes, options } = at;
  checkTouched(chunksTouched(axes, array.chunks), options.maxChunks);
  const { signal } = options;
  if (array.shard !== undefined) {
    for (const whole of gridParts(axes, array.shard.shape)) {
      yield* readShard(folder, array, { whole, signal });
    }
    return;
  }
  const size = chunkBytes(array);
  const ahead = Math.min(maxAhead, Math.max(1, Math.floor(aheadBytes / Math.max(1, size))));
  const read = async (part: GridPart): Promise<FoundPart> => {
    signal?.throwIfAborted();
    const file = await folder.file(chunkPath(array, part.at), signal);
    if (file === undefined) return { part, elements: filled(array) };
    checkPackedSize(file.sizeBytes, size);
    const packed = await file.read(0, file.sizeBytes, signal);
    return { part, elements: await elementsOf(array, packed) };
  };
  yield* inOrder(gridParts(axes, array.chunks), ahead, read);
}

function checkTouched(touched: bigint, limit: number): void {
  if (touched <= BigInt(limit)) return;
  throw new ServiceError(
    "LIMIT_EXCEEDED",
    `The slice lies in ${touched} chunks; at most ${limit} are read for one answer. Ask for a smaller slice, or fetch the url.`,
    { details: { field: "slice", limit } },
  );
}
