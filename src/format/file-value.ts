/** What the codecs of single files have in common: their GraphQL input, and the content as text. */

/** SDL of `FileInput`, shared by every codec whose values are files. */
export const fileTypeDefs = `
"A small text file by value. A codec that keeps only bytes drops the name."
input FileTextInput { name: String content: String! }

"A small file as base64. A codec that keeps only bytes drops the name."
input FileBase64Input { name: String content: String! }

"A value for a field of type File: an upload, or a small file by value."
input FileInput @oneOf { upload: ID text: FileTextInput base64: FileBase64Input }
`;

interface TextSource {
  readonly sizeBytes: number;
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** Content from `start` as text, at most `args.maxBytes` and the inline limit, cut at a character. `null`: it is not UTF-8. */
export async function textOfRange(
  source: TextSource,
  from: {
    readonly start: number;
    readonly args: Readonly<Record<string, unknown>>;
    readonly context: { readonly inlineLimitBytes: number; readonly signal?: AbortSignal | undefined };
  },
): Promise<string | null> {
  const { start, args, context } = from;
  const asked = typeof args["maxBytes"] === "number" ? Math.max(0, args["maxBytes"]) : 65_536;
  const end = Math.min(source.sizeBytes, start + Math.min(asked, context.inlineLimitBytes));
  const bytes = await source.read(start, end, context.signal);
  return decodeText(end < source.sizeBytes ? bytes.subarray(0, wholeCharacters(bytes)) : bytes);
}

function decodeText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Length without a character that the cut has left unfinished. */
function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return bytes.length;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needed > back ? bytes.length - back : bytes.length;
    }
  }
  return bytes.length;
}
