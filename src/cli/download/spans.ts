/** Byte ranges of a file: which are there, which are missing. */

/** Half open, in bytes. */
export type Span = readonly [start: number, end: number];

/** `spans`, sorted and apart, with one more. */
export function addSpan(spans: readonly Span[], [start, end]: Span): readonly Span[] {
  const touching = spans.filter(([from, to]) => from <= end && to >= start);
  const rest = spans.filter(([from, to]) => from > end || to < start);
  const merged: Span = [
    Math.min(start, ...touching.map(([from]) => from)),
    Math.max(end, ...touching.map(([, to]) => to)),
  ];
  return [...rest, merged].sort(([a], [b]) => a - b);
}

/** What `spans` leave of `sizeBytes` bytes, in pieces of at most `pieceBytes`. */
export function missingPieces(
  spans: readonly Span[],
  sizeBytes: number,
  pieceBytes: number,
): readonly Span[] {
  const pieces: Span[] = [];
  let at = 0;
  for (const [start, end] of [...spans, [sizeBytes, sizeBytes] as const]) {
    for (; at < start; at = Math.min(at + pieceBytes, start))
      pieces.push([at, Math.min(at + pieceBytes, start)]);
    at = Math.max(at, end);
  }
  return pieces;
}

/** How many bytes are there. */
export function spanBytes(spans: readonly Span[]): number {
  return spans.reduce((sum, [start, end]) => sum + end - start, 0);
}

/** Whether `value` is a list of spans, sorted and apart, within `sizeBytes`. */
export function areSpans(value: unknown, sizeBytes: number): value is readonly Span[] {
  if (!Array.isArray(value)) return false;
  let before = -1;
  return value.every((span: unknown) => {
    if (!Array.isArray(span) || span.length !== 2) return false;
    const [start, end]: readonly unknown[] = span;
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) return false;
    const isNext = Number(start) > before && Number(end) > Number(start) && Number(end) <= sizeBytes;
    before = Number(end);
    return isNext;
  });
}
