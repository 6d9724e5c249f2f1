/**
 * zlib streams, made by several threads where the bytes are many: each block is deflated for itself with the block before it as dictionary,
 * and the blocks are joined. The result is one ordinary zlib stream of level 6, the same bytes on every machine.
 *
 * @source RFC 1950, RFC 1951; the way of pigz (https://zlib.net/pigz/)
 */

import { promisify } from "node:util";
import { constants, deflate, deflateRaw, deflateSync, type ZlibOptions } from "node:zlib";
import { adler32, createAdler32 } from "hash-wasm";

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
  const options = { chunkSize: chunkFor(bytes.length) };
  if (bytes.length <= inlineBytes) return deflateSync(bytes, options);
  if (bytes.length <= leastBlockBytes) return deflateBytes(bytes, options);
  return deflatedByBlocks(bytes);
}

/** Room for the whole answer, so that it comes in one piece. */
function chunkFor(length: number): number {
  return length + (length >> 10) + 64;
}

/** As many blocks as threads, unless they would be short or long. */
function blocksFor(length: number): number {
  return Math.max(
    Math.ceil(length / mostBlockBytes),
    Math.min(parallel, Math.round(length / leastBlockBytes)),
  );
}

async function deflatedByBlocks(bytes: Uint8Array): Promise<Uint8Array> {
  const count = blocksFor(bytes.length);
  const blockBytes = Math.ceil(bytes.length / count);
  const blocks = new Array<Uint8Array>(count);
  const sum = await checksumOf(bytes);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      const start = i * blockBytes;
      const block = bytes.subarray(start, start + blockBytes);
      const isLast = i === count - 1;
      const done = deflateBlock(block, {
        chunkSize: chunkFor(block.length),
        finishFlush: isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
        ...(i === 0 ? {} : { dictionary: bytes.subarray(Math.max(0, start - windowBytes), start) }),
      });
      // In order: blocks are taken in order, and nothing waits between taking one and this.
      sum.update(block);
      blocks[i] = await done;
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, lane));
  return Buffer.concat([head, ...blocks, sum.digest()]);
}

interface Checksum {
  update(block: Uint8Array): void;
  digest(): Uint8Array;
}

/** Adler-32: at once where the bytes are few, since a machine for it takes longer to make than they do. */
async function checksumOf(bytes: Uint8Array): Promise<Checksum> {
  if (bytes.length <= mostBlockBytes) {
    const digest = Buffer.from(await adler32(bytes), "hex");
    return { update: () => undefined, digest: () => digest };
  }
  const machine = await createAdler32();
  machine.init();
  return {
    update: (block) => void machine.update(block),
    digest: () => machine.digest("binary"),
  };
}
