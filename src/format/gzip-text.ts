/** Text in gzip where that makes it smaller: the bytes of a text never begin as gzip does, so that the two are told apart. */

import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { isServiceError, ServiceError } from "../errors.ts";
import { corrupt } from "./fault.ts";

const gzipBytes = promisify(gzip);
const gunzipBytes = promisify(gunzip);

/** Shorter text is left as it is. */
const compressAboveBytes = 256;
/** Where gzip says on which system it was made; 255 is "unknown", so that every system makes the same bytes. */
const systemByte = 9;
/** A head of 10 bytes, a trailer of 8 and the shortest stream. */
const leastBytes = 20;
/** Deflate cannot do better. */
const mostRatio = 1032;

/** Whether the bytes are gzip. */
function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The text's bytes, in gzip where that is shorter. */
export async function packText(text: Uint8Array): Promise<Uint8Array> {
  if (text.length <= compressAboveBytes) return text;
  const packed = new Uint8Array(await gzipBytes(text, { level: 6 }));
  packed[systemByte] = 255;
  return packed.length < text.length ? packed : text;
}

/** Bytes of the text, counted as far as `enoughBytes`: what gzip says of its own length may be a lie, so that it is unpacked so far. */
export async function unfoldedText(bytes: Uint8Array, enoughBytes: number): Promise<number> {
  if (!isGzip(bytes) || bytes.length * mostRatio <= enoughBytes) return bytes.length;
  try {
    return (await unpackText(bytes, Math.max(1, enoughBytes))).length;
  } catch (error) {
    if (isServiceError(error, "LIMIT_EXCEEDED")) return Number.POSITIVE_INFINITY;
    throw error;
  }
}

/** The text's bytes. @throws {CODEC_CORRUPT} when the gzip is damaged; {LIMIT_EXCEEDED} before more than `limitBytes` are made. */
export async function unpackText(bytes: Uint8Array, limitBytes: number): Promise<Uint8Array> {
  if (!isGzip(bytes)) {
    if (bytes.length > limitBytes) throw tooLarge(limitBytes);
    return bytes;
  }
  if (bytes.length < leastBytes) throw corrupt("The gzip ends in its head.");
  try {
    // In few large pieces: each is a turn of the thread pool.
    const chunkSize = Math.min(2 ** 20, Math.max(2 ** 14, bytes.length * 8));
    return new Uint8Array(await gunzipBytes(bytes, { maxOutputLength: limitBytes, chunkSize }));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    throw code === "ERR_BUFFER_TOO_LARGE" ? tooLarge(limitBytes) : corrupt("The gzip is damaged.", cause);
  }
}

function tooLarge(limitBytes: number): ServiceError {
  return new ServiceError(
    "LIMIT_EXCEEDED",
    `The text holds more than ${limitBytes} bytes, the most that is read here. Fetch it by url.`,
    { details: { limit: limitBytes } },
  );
}
