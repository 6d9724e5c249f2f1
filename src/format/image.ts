/**
 * Images through sharp: what they are, small copies, and their pixels. Only the loaders that are named here ever run, and only on memory:
 * nothing that an image says makes a file or a server be read.
 */

import type { Sharp, SharpOptions } from "sharp";
import { ServiceError } from "../errors.ts";
import { corrupt } from "./fault.ts";

/** What an image file is. */
export interface ImageFacts {
  /** `png`, `jpeg`, `tiff`, `webp`, `gif`, `avif`. */
  readonly format: string;
  /** Of one page, as stored: an orientation in the file is not applied. */
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** numpy's name of the type of a channel. */
  readonly dtype: string;
  readonly pages: number;
}

/** How a small copy is made. */
export interface ThumbnailWish {
  readonly width: number;
  readonly height: number;
  readonly fit: (typeof thumbnailFits)[number];
  readonly format: (typeof thumbnailFormats)[number];
  readonly page: number;
}

export const thumbnailFits = ["inside", "cover", "contain", "fill"] as const;
export const thumbnailFormats = ["webp", "png", "jpeg"] as const;

/** Pixels of one page that are unfolded. */
const maxPixels = 100_000_000;
const maxChannels = 64;
const patienceSeconds = 20;

let loaded: Promise<(bytes: Uint8Array, more: SharpOptions) => Sharp> | undefined;

/** The library, loaded when the first image is looked at: it is large, and many services have none. */
function library() {
  loaded ??= import("sharp").then(({ default: sharp }) => {
    sharp.cache(false);
    sharp.block({ operation: ["VipsForeignLoad"] });
    sharp.unblock({ operation: loaders });
    return (bytes: Uint8Array, more: SharpOptions) => sharp(bytes, { ...options, ...more });
  });
  return loaded;
}

const loaders = [
  "VipsForeignLoadPngBuffer",
  "VipsForeignLoadJpegBuffer",
  "VipsForeignLoadTiffBuffer",
  "VipsForeignLoadWebpBuffer",
  "VipsForeignLoadNsgifBuffer",
  "VipsForeignLoadHeifBuffer",
];

const options = {
  failOn: "error",
  limitInputPixels: maxPixels,
  limitInputChannels: maxChannels,
  sequentialRead: true,
  unlimited: false,
} as const;

const dtypes: Readonly<Record<string, string>> = {
  uchar: "uint8",
  char: "int8",
  ushort: "uint16",
  short: "int16",
  uint: "uint32",
  int: "int32",
  float: "float32",
  double: "float64",
};

/** By their first bytes, so that a name or a claim decides nothing. `undefined`: none of those that are read. */
export function imageFormat(head: Uint8Array): string | undefined {
  const text = Buffer.from(head.subarray(0, 12)).toString("latin1");
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (text.startsWith("\xff\xd8\xff")) return "jpeg";
  if (/^(?:II[*+]\0|MM\0[*+])/.test(text)) return "tiff";
  if (/^RIFF[\s\S]{4}WEBP/.test(text)) return "webp";
  if (/^GIF8[79]a/.test(text)) return "gif";
  return /^[\s\S]{4}ftypavi[fs]/.test(text) ? "avif" : undefined;
}

/** What an image is, from its metadata alone. @throws {CODEC_CORRUPT} when it is none of the formats that are read. */
export async function inspectImage(bytes: Uint8Array): Promise<ImageFacts> {
  const format = imageFormat(bytes);
  if (format === undefined) throw corrupt(`The bytes are no image that is read here: ${guess(bytes)}.`);
  // Nothing is unfolded: an image of any size may be kept.
  const open = await library();
  const found = await working(() => open(bytes, { limitInputPixels: false }).metadata());
  const { width, height, channels, depth, pages = 1 } = found;
  if (format === "avif" && found.compression !== "av1")
    throw corrupt("The image is HEIC, which is not read here.");
  return { format, width, height, channels, dtype: dtypes[depth] ?? depth, pages };
}

function guess(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 1024)).toString("latin1");
  if (/<svg|<!DOCTYPE svg/i.test(head))
    return "SVG is a program for drawing; store it with the codec attach, or draw it to PNG first";
  if (/ftyphei[cxms]/.test(head)) return "HEIC is not read; convert it to AVIF, JPEG or PNG";
  return "give PNG, JPEG, TIFF, WebP, GIF or AVIF";
}

/** A small copy, upright; never larger than the image itself. @throws {LIMIT_EXCEEDED} for too many pixels; {CODEC_CORRUPT} */
export async function makeThumbnail(
  bytes: Uint8Array,
  wish: ThumbnailWish,
): Promise<{ readonly bytes: Uint8Array; readonly width: number; readonly height: number }> {
  const open = await library();
  const { data, info } = await working(() =>
    open(bytes, { page: wish.page, pages: 1 })
      .autoOrient()
      .timeout({ seconds: patienceSeconds })
      .resize({
        width: wish.width,
        height: wish.height,
        fit: wish.fit,
        withoutEnlargement: wish.fit === "inside",
      })
      .toFormat(wish.format)
      .toBuffer({ resolveWithObject: true }),
  );
  return { bytes: data, width: info.width, height: info.height };
}

/** Pixels of a region of a page as they are stored, channels last; palettes and single bits as the colours they mean. */
export async function readPixels(
  bytes: Uint8Array,
  region: {
    readonly left: number;
    readonly top: number;
    readonly width: number;
    readonly height: number;
    readonly page: number;
  },
): Promise<{ readonly bytes: Uint8Array; readonly shape: readonly number[]; readonly dtype: string }> {
  const { left, top, width, height, page } = region;
  const open = await library();
  const source = () => open(bytes, { page, pages: 1, ignoreIcc: true });
  const { depth, space } = await working(() => source().metadata());
  const { data, info } = await working(() =>
    source()
      .timeout({ seconds: patienceSeconds })
      .pipelineColourspace(space)
      .toColourspace(space)
      .extract({ left, top, width, height })
      .raw({ depth })
      .toBuffer({ resolveWithObject: true }),
  );
  return { bytes: data, shape: [info.height, info.width, info.channels], dtype: dtypes[depth] ?? depth };
}

async function working<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    if (/pixel limit|channel limit|timeout/i.test(why)) {
      throw new ServiceError(
        "LIMIT_EXCEEDED",
        `The image is too large to be unfolded here (${why}); at most ${maxPixels} pixels, ${maxChannels} channels and ${patienceSeconds} seconds are. Fetch the url.`,
        { details: { limit: maxPixels }, cause },
      );
    }
    throw corrupt(`The image is damaged: ${why}`, cause);
  }
}
