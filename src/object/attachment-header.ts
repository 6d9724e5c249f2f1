/** The name under which clients save what they are given, whatever was stored as its name. */

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
