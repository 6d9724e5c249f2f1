/** Whether an uploaded folder is a Zarr folder: its metadata parse, and its chunks can be what the metadata say. */

import { elementCount } from "./array.ts";
import { invalid } from "./fault.ts";
import type { ZarrArray } from "./zarr-array.ts";
import { checkPackedSize } from "./zarr-bytes.ts";
import { readHierarchy, type ZarrFolder, type ZarrHierarchy } from "./zarr-folder.ts";

/** @throws {CODEC_INVALID_VALUE} {CODEC_CORRUPT} {LIMIT_EXCEEDED} naming the file at fault */
export async function checkZarr(folder: ZarrFolder, signal?: AbortSignal): Promise<ZarrHierarchy> {
  const found = await readHierarchy(folder, { isTrusting: false, signal });
  if (found === undefined) {
    throw invalid("The folder is no Zarr: it has no zarr.json, .zarray or .zgroup.", {
      remedy: "Upload the folder that holds it, or use the codec object for folders of other formats.",
    });
  }
  const checks = new Map(found.arrays.map((array) => [array.path, chunkCheck(array)]));
  for await (const { path, sizeBytes } of folder.entries(signal === undefined ? {} : { signal })) {
    for (const parent of parentsOf(path)) {
      const check = checks.get(parent);
      if (check === undefined) continue;
      check(path, sizeBytes);
      break;
    }
  }
  return found;
}

/** Folders that a file lies in, the nearest first; `""` is the root. */
function parentsOf(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_, i) => parts.slice(0, parts.length - 1 - i).join("/"));
}

type ChunkCheck = (path: string, sizeBytes: number) => void;

/** Looks at a file of an array's folder; what is no chunk of the grid is let be. */
function chunkCheck(array: ZarrArray): ChunkCheck {
  const { layout, type, shard } = array;
  if (layout === undefined || "foreign" in type) return () => {};
  const size = Number(elementCount(layout.shape)) * type.dtype.itemSizeBytes;
  const grid = shard?.shape ?? array.chunks;
  const inner =
    shard === undefined ? 1n : elementCount(shard.shape.map((n, i) => n / (array.chunks[i] ?? 1)));
  const index = shard === undefined ? 0n : inner * 16n + (shard.hasIndexChecksum ? 4n : 0n);
  return (path, sizeBytes) => {
    const key = array.path === "" ? path : path.slice(array.path.length + 1);
    const at = key.match(/[0-9]+/g)?.map(Number) ?? [];
    const isInGrid =
      at.length === grid.length && at.every((n, i) => n * (grid[i] ?? 1) < (array.shape[i] ?? 0));
    if (!isInGrid || array.chunkKey(at) !== key) return;
    if (shard !== undefined) {
      if (BigInt(sizeBytes) < index) throw invalid(`${path} has ${sizeBytes} bytes, fewer than its index.`);
      return;
    }
    if (layout.steps.length === 0 && sizeBytes !== size) {
      throw invalid(`${path} has ${sizeBytes} bytes; a chunk of this array has ${size}.`);
    }
    checkPackedSize(sizeBytes, size);
  };
}
