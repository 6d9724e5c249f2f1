/** Media type and file name of served bytes: neither lets a stored file act as a page of this server. */

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

/** Value of `Content-Disposition` that makes every client save the bytes. @source RFC 6266, RFC 8187 */
export function attachmentHeader(name: string): string {
  const safe = safeName(name);
  const ascii = safe
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^\x20-\x7e]/g, "_")
    .replace(/["%\\]/g, "_");
  if (ascii === safe) return `attachment; filename="${ascii}"`;
  const extended = encodeURIComponent(safe).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${extended}`;
}

/** A bare name: no folders, no control or direction-changing characters, nothing that hides or names a device. */
function safeName(name: string): string {
  const bare = name
    .toWellFormed()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069/\\:*?<>|]/g, "_")
    .replace(/^[. ]+|[. ]+$/g, "");
  const named = bare === "" ? "download" : bare;
  const device = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(named) ? `_${named}` : named;
  return [...device].length <= 150 ? device : [...device].slice(-150).join("");
}
