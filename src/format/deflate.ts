/**
 * zlib streams, made by several threads where the bytes are many: each block is deflated for itself with the block before it as dictionary,
 * and the blocks are joined. The result is one ordinary zlib stream of level 6, the same bytes on every machine.
 *
 * @source RFC 1950, RFC 1951; the way of pigz (https://zlib.net/pigz/)
 */

import { promisify } from "node:util";
import { constants, deflate, deflateRaw, deflateSync, type ZlibOptions } from "node:zlib";
import { createAdler32 } from "hash-wasm";

const deflateBytes = promisify<Uint8Array, ZlibOptions, Buffer>(deflate);
const deflateBlock = promisify<Uint8Array, ZlibOptions, Buffer>(deflateRaw);

/** Below this a thread costs more than it does: about half a millisecond of work. */
const inlineBytes = 8 * 1024;
const leastBlockBytes = 32 * 1024;
const mostBlockBytes = 512 * 1024;
/** What deflate can refer back to. */
const windowBytes = 32 * 1024;
/** Blocks under way at once: the threads that Node has for such work. Not the cores, so that the bytes are the same everywhere. */
const parallel = 4;
/** Deflate, a window of 32 KiB, the ordinary level. */
const head = Buffer.from([0x78, 0x9c]);

/** A zlib stream of these bytes. */
export async function deflated(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.length <= inlineBytes) return deflateSync(bytes);
  if (bytes.length <= leastBlockBytes) return deflateBytes(bytes, { chunkSize: chunkFor(bytes.length) });
  return deflatedByBlocks(bytes);
}

/** Room for the whole answer, so that it comes in one piece. */
function chunkFor(length: number): number {
  return length + (length >> 10) + 64;
}

async function deflatedByBlocks(bytes: Uint8Array): Promise<Uint8Array> {
  const shared = Math.ceil(bytes.length / parallel);
  const blockBytes = Math.min(Math.max(shared, leastBlockBytes), mostBlockBytes);
  const count = Math.ceil(bytes.length / blockBytes);
  const blocks = new Array<Uint8Array>(count);
  const adler = await createAdler32();
  adler.init();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      const start = i * blockBytes;
      const block = bytes.subarray(start, start + blockBytes);
      // In order: blocks are taken in order, and nothing waits between taking one and this.
      adler.update(block);
      blocks[i] = await deflateBlock(block, {
        chunkSize: chunkFor(block.length),
        finishFlush: i === count - 1 ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
        ...(i === 0 ? {} : { dictionary: bytes.subarray(Math.max(0, start - windowBytes), start) }),
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, lane));
  return Buffer.concat([head, ...blocks, adler.digest("binary")]);
}
