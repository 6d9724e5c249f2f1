/**
 * The metadata of an array, of version 2 (`.zarray`) and of version 3 (`zarr.json`).
 *
 * @source https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html, https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html
 */

import { type Dtype, dtypeName } from "./dtype.ts";
import { corrupt, shown } from "./fault.ts";
import { axesOf, checkChunkSize, chunkKeys, type ZarrArray } from "./zarr-array.ts";
import { type Codecs, codecsOfV2, codecsOfV3 } from "./zarr-codecs.ts";
import { dtypeOfV2, dtypeOfV3, type ZarrType } from "./zarr-dtype.ts";
import { fillBytes } from "./zarr-fill.ts";
import { entryOf, isObject, plainJson, type ZarrJson, type ZarrObject } from "./zarr-json.ts";

/** An array from its `zarr.json`. @throws {CODEC_CORRUPT} {LIMIT_EXCEEDED} */
export function arrayOfV3(document: ZarrObject, path: string): ZarrArray {
  const extras = entryOf(document, "storage_transformers") ?? [];
  const isPlain = Array.isArray(extras) && extras.length === 0;
  const grid = entryOf(document, "chunk_grid");
  const type = dtypeOfV3(entryOf(document, "data_type"));
  const shape = axesOf(entryOf(document, "shape"), "The shape", 0);
  const attributes = attributesOf(entryOf(document, "attributes"));
  const base = { path, format: 3, type, dtypeName: nameOf(type), shape, attributes } as const;
  if (!isPlain || entryOf(grid, "name") !== "regular") {
    const foreign = isPlain ? "another grid of chunks than a regular one" : "storage transformers";
    return { ...base, chunks: shape, foreign, fill: new Uint8Array(), chunkKey: () => "" };
  }
  const chunks = chunksOf(entryOf(entryOf(grid, "configuration"), "chunk_shape"), shape);
  const encoding = entryOf(document, "chunk_key_encoding");
  const name = typeof encoding === "string" ? encoding : entryOf(encoding, "name");
  if (name !== "default" && name !== "v2") throw corrupt("The chunk_key_encoding is neither default nor v2.");
  const separator = entryOf(entryOf(encoding, "configuration"), "separator") ?? (name === "v2" ? "." : "/");
  const chunkKey = chunkKeys(separator, name === "v2" ? "" : "c");
  return assembled({ ...base, chunks, chunkKey }, entryOf(document, "fill_value"), (dtype) =>
    codecsOfV3(entryOf(document, "codecs"), chunks, dtype),
  );
}

/** An array from its `.zarray` and, where there are any, `.zattrs`. @throws {CODEC_CORRUPT} {LIMIT_EXCEEDED} */
export function arrayOfV2(document: ZarrObject, path: string, attributes: ZarrObject = {}): ZarrArray {
  if (entryOf(document, "zarr_format") !== 2) throw corrupt("The zarr_format of a .zarray is 2.");
  const type = dtypeOfV2(entryOf(document, "dtype"));
  const shape = axesOf(entryOf(document, "shape"), "The shape", 0);
  const chunks = chunksOf(entryOf(document, "chunks"), shape);
  const chunkKey = chunkKeys(entryOf(document, "dimension_separator") ?? ".", "");
  const base = {
    path,
    format: 2,
    type,
    dtypeName: nameOf(type),
    shape,
    attributes,
    chunks,
    chunkKey,
  } as const;
  return assembled(base, entryOf(document, "fill_value"), () => codecsOfV2(document, chunks));
}

type Base = Omit<ZarrArray, "fill" | "layout" | "shard" | "foreign">;

function assembled(base: Base, fill: ZarrJson | undefined, codecs: (dtype: Dtype) => Codecs): ZarrArray {
  if ("foreign" in base.type) {
    return { ...base, foreign: `elements of type ${base.type.foreign}`, fill: new Uint8Array() };
  }
  const { dtype } = base.type;
  const found = codecs(dtype);
  const bytes = fillBytes(dtype, fill);
  if ("foreign" in found) return { ...base, foreign: found.foreign, fill: bytes };
  checkChunkSize(found.layout.shape, dtype.itemSizeBytes);
  return { ...base, ...found, chunks: found.layout.shape, fill: bytes };
}

function nameOf(type: ZarrType): string {
  return "foreign" in type ? type.foreign : dtypeName(type.dtype);
}

function chunksOf(value: ZarrJson | undefined, shape: readonly number[]): number[] {
  const found = axesOf(value, "The shape of the chunks", 0);
  if (found.length !== shape.length) {
    throw corrupt(`Chunks of ${found.length} axes cannot make an array of ${shape.length}.`);
  }
  // An axis without elements has no chunks; some writers say so by a chunk without elements.
  const chunks = found.map((n, axis) => (n === 0 && shape[axis] === 0 ? 1 : n));
  if (chunks.includes(0)) throw corrupt(`Chunks of ${shown(found)} elements hold nothing.`);
  return chunks;
}

/** Attributes as they are written; none where there are none. */
export function attributesOf(value: ZarrJson | undefined): ZarrObject {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw corrupt(`The attributes are ${shown(plainJson(value))}, no object.`);
  return value;
}
