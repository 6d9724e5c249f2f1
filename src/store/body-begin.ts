/** The beginning of a body, to see whether it is small. */

const none = new Uint8Array();

/** The whole, where it has at most that many bytes; otherwise the same body again, which can be read once. */
export async function beginOf(
  body: AsyncIterable<Uint8Array>,
  atMost: number,
): Promise<{ readonly bytes: Uint8Array } | { readonly rest: AsyncIterable<Uint8Array> }> {
  const source = body[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const next = await source.next();
    if (next.done === true)
      return { bytes: chunks.length === 1 ? (chunks[0] ?? none) : Buffer.concat(chunks) };
    size += next.value.length;
    if (size > atMost) return { rest: again([...chunks, next.value], source) };
    // The giver may use its memory again for what follows.
    chunks.push(new Uint8Array(next.value));
  }
}

async function* again(
  chunks: readonly Uint8Array[],
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let isOver = false;
  try {
    yield* chunks;
    for (let next = await source.next(); ; next = await source.next()) {
      isOver = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    if (!isOver) await source.return?.();
  }
}
