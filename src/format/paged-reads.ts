/** Small reads, answered from pages that are kept: a library that asks for a few bytes at a time must not make a request for each. */

const pageBytes = 8192;
const maxPages = 128;

/** Reads ranges. A large one is read as it is, a small one by whole pages. */
export function pagedReads(source: {
  readonly sizeBytes: number;
  readSync(start: number, end: number): Uint8Array;
}): (start: number, end: number) => Uint8Array {
  const pages = new Map<number, Uint8Array>();
  const page = (number: number): Uint8Array => {
    const kept = pages.get(number);
    // Taken out and put in again: the page that goes is the one that was not used for the longest time.
    pages.delete(number);
    const start = number * pageBytes;
    const bytes = kept ?? source.readSync(start, Math.min(source.sizeBytes, start + pageBytes));
    pages.set(number, bytes);
    const [oldest] = pages.keys();
    if (pages.size > maxPages && oldest !== undefined) pages.delete(oldest);
    return bytes;
  };
  return (start, end) => {
    if (end - start >= pageBytes / 2) return source.readSync(start, end);
    const first = Math.floor(start / pageBytes);
    const last = Math.floor((end - 1) / pageBytes);
    const bytes = first === last ? page(first) : Buffer.concat([page(first), page(last)]);
    return bytes.subarray(start - first * pageBytes, end - first * pageBytes);
  };
}
