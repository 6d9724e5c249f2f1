/** Encoding through a chain, outermost to innermost. */

import { blame, blameAsync } from "./blame.ts";
import { type ChainEncodeContext, type ChainUse, type CodecLookup, chainOf, encodeContext } from "./chain.ts";
import type { Codec, EncodeContext, Encoded, EncodedFile, JsonObject } from "./contract.ts";

/** Refuses a value before anything is written; only the outermost codec is asked, as the peer does. @throws {CODEC_INVALID_VALUE} */
function validateInput(
  codecs: CodecLookup,
  use: ChainUse,
  options: { input: Readonly<Record<string, unknown>>; context: ChainEncodeContext },
): void {
  const [codec] = chainOf(codecs, use).codecs;
  const context = encodeContext(use, options.context);
  blame({ codec, direction: "encode", field: context.field }, () => codec.validate?.(options.input, context));
}

/** The bytes to write, the object's extension, and the metadata of every codec of the chain. */
export interface ChainEncoded {
  readonly body: Encoded["body"];
  /** Of a folder, instead of the body. */
  readonly files?: readonly EncodedFile[];
  readonly ext?: string;
  /** To be given to {@link metadataOf} with the written object; for chains that end in json in the row it is the row's JSON. */
  readonly meta: JsonObject;
}

/** Encodes one value, validation included. @throws {CODEC_INVALID_VALUE} naming the field, the value and the remedy. */
export async function encodeChain(
  codecs: CodecLookup,
  use: ChainUse,
  options: { input: Readonly<Record<string, unknown>>; context: ChainEncodeContext },
): Promise<ChainEncoded> {
  const chain = chainOf(codecs, use);
  const context = encodeContext(use, options.context);
  validateInput(codecs, use, options);
  return through(chain.codecs, { body: new Uint8Array(), meta: {} }, { input: options.input, context });
}

/** The rest of the chain for what its outermost codec has encoded already: a value that moves as it is. */
export async function encodeRest(
  codecs: CodecLookup,
  use: ChainUse,
  options: { outer: ChainEncoded; context: ChainEncodeContext },
): Promise<ChainEncoded> {
  const { outer } = options;
  const context = encodeContext(use, options.context);
  return through(chainOf(codecs, use).codecs.slice(1), outer, { input: { body: outer.body }, context });
}

async function through(
  codecs: readonly Codec[],
  first: ChainEncoded,
  { input: given, context }: { input: Readonly<Record<string, unknown>>; context: EncodeContext },
): Promise<ChainEncoded> {
  let input = given;
  let encoded = first;
  for (const codec of codecs) {
    const step = await blameAsync({ codec, direction: "encode", field: context.field }, async () =>
      codec.encode(input, context),
    );
    const ext = step.ext ?? encoded.ext;
    encoded = {
      body: step.body,
      meta: { ...encoded.meta, ...step.meta },
      ...(step.files === undefined ? {} : { files: step.files }),
      ...(ext === undefined ? {} : { ext }),
    };
    input = { body: step.body };
  }
  return encoded;
}
