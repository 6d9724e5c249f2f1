/** How much a Zarr array unfolds to, whatever its files have: chunks are as large as the metadata say, and those that are not there are filled. */

import { elementCount } from "./array.ts";
import type { ZarrArray } from "./zarr-array.ts";
import { openZarrNode, type ZarrFolder } from "./zarr-folder.ts";

/** What an entry of a shard's index has. */
const indexEntryBytes = 16n;

/** Bytes of all chunks of the grid, the indexes of shards included; elements without bytes count as one. */
function arrayUnfolded({ type, shape, chunks, shard }: ZarrArray): number {
  const itemBytes = "foreign" in type ? 1 : Math.max(1, type.dtype.itemSizeBytes);
  const grid = shard?.shape ?? chunks;
  const parts = elementCount(shape.map((length, axis) => Math.ceil(length / Math.max(1, grid[axis] ?? 1))));
  const inGrid = elementCount(grid);
  const indexed = shard === undefined ? 0n : (inGrid / max1(elementCount(chunks))) * indexEntryBytes;
  return Number(parts * (inGrid * BigInt(itemBytes) + indexed));
}

function max1(count: bigint): bigint {
  return count > 0n ? count : 1n;
}

/** The same for the array at a path of a folder. Of a group nobody has counted, and where there is nothing there is nothing to unfold. */
export async function zarrUnfolded(folder: ZarrFolder, path: string, signal?: AbortSignal): Promise<number> {
  const node = await openZarrNode(folder, path, signal);
  if (node === undefined) return 0;
  return node.kind === "array" ? arrayUnfolded(node.array) : Number.POSITIVE_INFINITY;
}
