/**
 * Images in a store, as they came: PNG, JPEG, TIFF, WebP, GIF, AVIF. Small copies are made when they are asked for and kept in memory only;
 * see docs/decisions/0014. DataJoint sees an object.
 */

import { LRUCache } from "lru-cache";
import { type DecodeContext, defineCodec, type JsonObject, type StoredValue } from "../src/codec/contract.ts";
import { isServiceError, ServiceError } from "../src/errors.ts";
import { bytesFromBase64 } from "../src/format/elements-from-json.ts";
import { invalid } from "../src/format/fault.ts";
import { checkFileName } from "../src/format/file-name.ts";
import {
  type ImageFacts,
  imageFormat,
  inspectImage,
  makeThumbnail,
  readPixels,
  type ThumbnailWish,
  thumbnailFits,
  thumbnailFormats,
} from "../src/format/image.ts";
import { jsonInt4, jsonInt8, jsonText } from "../src/format/json-column.ts";
import { objectRow } from "../src/format/object-row.ts";

/** Images are read whole. */
const maxFileBytes = 128 * 2 ** 20;
const maxSide = 2048;
const wishArguments =
  'width: Int = 256, height: Int = 256, fit: String = "inside", format: String = "webp", page: Int = 0';
const bytesPerChannel: Readonly<Record<string, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  float64: 8,
};

type Thumbnail = {
  readonly mediaType: string;
  readonly width: number;
  readonly height: number;
  readonly base64: string;
};

/** Small copies by object and wish; a copy of them is nowhere else, so that nothing has to be collected. */
const thumbnails = new LRUCache<string, Thumbnail>({
  maxSize: 32 * 2 ** 20,
  maxEntrySize: 4 * 2 ** 20,
  sizeCalculation: ({ base64 }) => base64.length + 200,
});

/** A number that the row keeps, or that the image tells. */
function fact(key: "width" | "height" | "channels" | "pages", description: string) {
  return {
    type: "Int",
    description,
    sql: { store: (column: string) => jsonInt4(column, key) },
    filter: "Int" as const,
    read: async (value: StoredValue, _args: unknown, context: DecodeContext) =>
      (await facts(value, context))[key],
  };
}

function name(key: "format" | "dtype", description: string) {
  return {
    type: "String",
    description,
    sql: { store: (column: string) => jsonText(column, key) },
    filter: "String" as const,
    read: async (value: StoredValue, _args: unknown, context: DecodeContext) =>
      (await facts(value, context))[key],
  };
}

export default defineCodec({
  name: "image",
  version: 1,
  summary: "Images in a store: PNG, JPEG, TIFF, WebP, GIF, AVIF; with small copies and pixels on demand.",
  chain: { store: "json" },
  addressing: "schema",
  peer: { store: "object" },
  output: "ImageFile",
  input: "ImageFileInput",
  typeDefs: `
"An image file as base64. Its name tells nothing: the bytes do."
input ImageBase64Input { name: String content: String! }

"A value for a field of type ImageFile: an upload, or a small file as base64."
input ImageFileInput @oneOf { base64: ImageBase64Input upload: ID }

"A small copy of an image. Show it as data:<mediaType>;base64,<base64>."
type ImageThumbnail {
  mediaType: String!
  width: Int!
  height: Int!
  base64: String!
}

"Pixels of a region."
type ImagePixels {
  "Element type as numpy prints it."
  dtype: String!
  "Rows, columns, channels."
  shape: [Int!]!
  "Elements as base64, channels fastest, little-endian."
  base64: String!
}
`,
  fields: {
    format: name("format", "png, jpeg, tiff, webp, gif or avif."),
    width: fact("width", "Pixels in a row, as stored: an orientation in the file is not applied."),
    height: fact("height", "Rows of pixels, as stored: an orientation in the file is not applied."),
    channels: fact("channels", "Values of a pixel: 1 grey, 3 colours, 4 with transparency (or CMYK)."),
    dtype: name("dtype", "Type of a value as numpy prints it: uint8, uint16, float32."),
    pages: fact("pages", "Pages of a TIFF, frames of an animation; 1 for others."),
    sizeBytes: {
      type: "BigInt",
      description: "Size of the file in bytes.",
      sql: { store: (column) => jsonInt8(column, "size") },
      filter: "BigInt",
      read: async (value) => String((await value.bytes()).sizeBytes),
    },
    thumbnail: {
      type: "ImageThumbnail",
      description:
        "A small copy, upright, made now: at most width × height pixels, as fit (inside, cover, contain, fill) says, in webp, png or jpeg.",
      args: wishArguments,
      read: thumbnail,
    },
    pixels: {
      type: "ImagePixels",
      description: "Values of the pixels of a region (the whole page, if none is given), as stored.",
      args: "left: Int = 0, top: Int = 0, width: Int, height: Int, page: Int = 0",
      read: pixels,
    },
  },
  derived: {
    thumbnail: {
      description: "a small copy, as thumbnail makes it.",
      args: wishArguments,
      settle: (args) => ({ ...wishOf(args) }),
      ext: ({ format }) => `.${String(format)}`,
      async make(value, args, context) {
        const bytes = await whole(value, context.signal);
        return (await small(bytes, wishOf(args))).bytes;
      },
    },
  },
  async encode(input) {
    const body = contentOf(input);
    return { body, ext: `.${imageFormat(body) ?? "bin"}`, meta: await taking(body) };
  },
  upload: {
    begin({ filename, isTree }) {
      if (isTree)
        throw invalid(`"${filename}" is a folder.`, { remedy: "Upload one image, or use the codec object." });
      const ending = /\.(?:png|jpe?g|tiff?|webp|gif|avif)$/i.exec(filename)?.[0];
      return { ext: ending?.toLowerCase() ?? ".img" };
    },
    async inspect({ value }, { signal }) {
      return taking(await whole(value, signal));
    },
  },
  metadata: (object, meta) => ({ ...meta, ...objectRow(object) }),
  exchange: { file: true },
  async decode(value, { signal }) {
    const bytes = await whole(value, signal);
    const { width, height } = await inspectImage(bytes);
    return readPixels(bytes, { left: 0, top: 0, width, height, page: 0 });
  },
});

function contentOf({ base64 }: Readonly<Record<string, unknown>>): Uint8Array {
  if (
    typeof base64 !== "object" ||
    base64 === null ||
    !("content" in base64) ||
    typeof base64.content !== "string"
  )
    throw invalid("An image is given as base64 or as an upload.");
  if ("name" in base64 && typeof base64.name === "string") checkFileName(base64.name);
  return bytesFromBase64(base64.content);
}

async function taking(bytes: Uint8Array): Promise<JsonObject> {
  try {
    return { ...(await inspectImage(bytes)) };
  } catch (cause) {
    if (!isServiceError(cause, "CODEC_CORRUPT")) throw cause;
    throw new ServiceError("CODEC_INVALID_VALUE", cause.message, { cause });
  }
}

async function whole(value: StoredValue, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const reader = await value.bytes();
  if (reader.sizeBytes > maxFileBytes) {
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `The image has ${reader.sizeBytes} bytes; at most ${maxFileBytes} are read. Keep larger ones with the codec object.`,
      { details: { limit: maxFileBytes } },
    );
  }
  return reader.read(0, reader.sizeBytes, signal);
}

async function facts(value: StoredValue, { signal }: DecodeContext): Promise<ImageFacts> {
  return inspectImage(await whole(value, signal));
}

async function thumbnail(
  value: StoredValue,
  args: Readonly<Record<string, unknown>>,
  context: DecodeContext,
): Promise<Thumbnail> {
  const wish = wishOf(args);
  const { store, path, sha256 } = value.meta ?? {};
  // Without a digest nothing says that the bytes are still the same.
  const key = typeof sha256 === "string" ? JSON.stringify([store, path, sha256, wish]) : undefined;
  const known = key === undefined ? undefined : thumbnails.get(key);
  if (known !== undefined) return known;
  const { width, height, bytes } = await small(await whole(value, context.signal), wish);
  fitting(bytes.length, context);
  const made = {
    mediaType: `image/${wish.format}`,
    width,
    height,
    base64: Buffer.from(bytes).toString("base64"),
  };
  if (key !== undefined) thumbnails.set(key, made);
  return made;
}

function wishOf(args: Readonly<Record<string, unknown>>): ThumbnailWish {
  return {
    width: number(args, "width", { least: 1, most: maxSide, absent: 256 }),
    height: number(args, "height", { least: 1, most: maxSide, absent: 256 }),
    fit: oneOf(args, "fit", thumbnailFits),
    format: oneOf(args, "format", thumbnailFormats),
    page: number(args, "page", { least: 0, most: 1_000_000, absent: 0 }),
  };
}

async function small(bytes: Uint8Array, wish: ThumbnailWish): ReturnType<typeof makeThumbnail> {
  checkPage(await inspectImage(bytes), wish.page);
  return makeThumbnail(bytes, wish);
}

async function pixels(value: StoredValue, args: Readonly<Record<string, unknown>>, context: DecodeContext) {
  const bytes = await whole(value, context.signal);
  const found = await inspectImage(bytes);
  const page = number(args, "page", { least: 0, most: 1_000_000, absent: 0 });
  checkPage(found, page);
  const left = number(args, "left", { least: 0, most: found.width - 1, absent: 0 });
  const top = number(args, "top", { least: 0, most: found.height - 1, absent: 0 });
  const right = found.width - left;
  const bottom = found.height - top;
  const width = number(args, "width", { least: 1, most: right, absent: right });
  const height = number(args, "height", { least: 1, most: bottom, absent: bottom });
  fitting(width * height * found.channels * (bytesPerChannel[found.dtype] ?? 4), context);
  const region = await readPixels(bytes, { left, top, width, height, page });
  return { dtype: region.dtype, shape: region.shape, base64: Buffer.from(region.bytes).toString("base64") };
}

function checkPage({ pages }: ImageFacts, page: number): void {
  if (page < pages) return;
  throw wrong("page", page, `The image has ${pages} pages; the first is 0.`);
}

function number(
  args: Readonly<Record<string, unknown>>,
  field: string,
  { least, most, absent }: { least: number; most: number; absent: number },
): number {
  const value = args[field] ?? absent;
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw wrong(field, value, `Give a whole number from ${least} to ${most}.`);
}

function oneOf<T extends string>(
  args: Readonly<Record<string, unknown>>,
  field: string,
  known: readonly T[],
): T {
  const value = args[field] ?? known[0];
  const found = known.find((each) => each === value);
  if (found !== undefined) return found;
  throw wrong(field, value, `Give one of: ${known.join(", ")}.`);
}

function wrong(field: string, value: unknown, remedy: string): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `${field} is ${JSON.stringify(value)}. ${remedy}`, {
    details: { field, value, remedy },
  });
}

function fitting(sizeBytes: number, { field, inlineLimitBytes }: DecodeContext): void {
  if (sizeBytes <= inlineLimitBytes) return;
  throw new ServiceError(
    "LIMIT_EXCEEDED",
    `The answer would hold ${sizeBytes} bytes; at most ${inlineLimitBytes} are answered inline. Ask for a smaller region, or fetch the url.`,
    { details: { field, limit: inlineLimitBytes } },
  );
}
