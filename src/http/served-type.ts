/** Media type of served bytes: none lets a stored file act as a page of this server. */

import mime from "mime";

/** Types that no browser runs, lays out with scripts or sniffs into something else. */
const inertTypes: ReadonlySet<string> = new Set([
  "application/gzip",
  "application/json",
  "application/x-7z-compressed",
  "application/x-bzip2",
  "application/x-hdf",
  "application/x-ndjson",
  "application/x-tar",
  "application/yaml",
  "application/zip",
  "audio/flac",
  "audio/mp4",
  "audio/mpeg",
  "audio/ogg",
  "audio/wav",
  "audio/x-flac",
  "audio/x-wav",
  "image/avif",
  "image/bmp",
  "image/gif",
  "image/jpeg",
  "image/jp2",
  "image/png",
  "image/tiff",
  "image/webp",
  "text/csv",
  "text/markdown",
  "text/plain",
  "text/tab-separated-values",
  "video/mp4",
  "video/mpeg",
  "video/ogg",
  "video/quicktime",
  "video/webm",
  "video/x-matroska",
  "video/x-msvideo",
]);

/** Extensions of science that the registry of types does not know or names loosely. */
const ownTypes: ReadonlyMap<string, string> = new Map([
  ["h5", "application/x-hdf5"],
  ["hdf5", "application/x-hdf5"],
  ["he5", "application/x-hdf5"],
  ["nc", "application/netcdf"],
  ["nwb", "application/x-hdf5"],
  ["parquet", "application/vnd.apache.parquet"],
  ["arrow", "application/vnd.apache.arrow.file"],
  ["ndjson", "application/x-ndjson"],
  ["tsv", "text/tab-separated-values"],
  ["zarray", "application/json"],
  ["zattrs", "application/json"],
  ["zgroup", "application/json"],
  ["zmetadata", "application/json"],
  ["zst", "application/zstd"],
]);

/** The type that `name`'s extension has on the allow-list; everything else is `application/octet-stream`. */
export function servedType(name: string): string {
  const extension = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  const own = ownTypes.get(extension);
  const type = own ?? mime.getType(name) ?? "";
  if (own === undefined && !inertTypes.has(type)) return "application/octet-stream";
  return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
}
