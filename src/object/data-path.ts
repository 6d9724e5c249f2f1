/**
 * The path of a data URL below the service's base URL: `/d/<capability>/<readable path>/<name.ext>`.
 *
 * Of a file only the last segment has a meaning: the name that a download gets. Of a folder the first segment after the
 * capability is its name and everything behind it is the path of a file in the folder, so a folder takes no readable path.
 */
export function dataPath(
  capability: string,
  name: string,
  options: { readonly isTree?: boolean; readonly readable?: readonly string[] } = {},
): string {
  const before = options.isTree === true ? [] : (options.readable ?? []);
  const segments = [...before, name].map((segment) => encodeURIComponent(plain(segment)));
  return `/d/${capability}/${segments.join("/")}`;
}

/** A segment that survives every client: no separators, no control characters, nothing that looks encoded, never `.` or `..`. */
function plain(segment: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  const safe = segment.toWellFormed().replace(/[/\\\u0000-\u001f\u007f]|%(?=[0-9a-f]{2})/gi, "_");
  return /^\.*$/.test(safe) ? `_${safe}` : safe;
}
