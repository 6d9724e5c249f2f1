/** Bytes on their way to a file: whatever the pieces are, whoever uses their memory again, and whatever fails. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { FileSink } from "../../src/store/file-sink.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-sink-"));
afterAll(() => rmSync(folder, { recursive: true }));
let made = 0;

async function written(sizes: readonly number[], flushing = { isBusy: false }): Promise<boolean> {
  const path = join(folder, `${made++}`);
  const expected = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0));
  const handle = await open(path, "wx");
  const sink = new FileSink(handle, flushing);
  // One piece of memory for all chunks, as some sources have it.
  const memory = Buffer.alloc(Math.max(0, ...sizes));
  let at = 0;
  for (const [index, size] of sizes.entries()) {
    const chunk = memory.subarray(0, size).fill(index + 1);
    chunk.copy(expected, at);
    at += size;
    await sink.write(chunk);
  }
  await sink.end();
  await handle.close();
  const found = readFileSync(path);
  rmSync(path);
  return found.equals(expected);
}

describe("a file sink", () => {
  it("writes pieces of any size in their order, and lets go of their memory", async () => {
    const size = fc.oneof(
      fc.nat(300),
      fc.constantFrom(65_535, 65_536, 65_537, 2 ** 20, 2 ** 20 + 1),
      fc.nat(3 << 20),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(size, { maxLength: 12 }), async (sizes) => {
        expect(await written(sizes)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("hands long files to the disk on the way, one at a time", async () => {
    const flushing = { isBusy: false };
    const long = Array.from({ length: 100 }, () => 1 << 20);
    expect(await Promise.all([written(long, flushing), written(long, flushing)])).toEqual([true, true]);
    expect(flushing.isBusy).toBe(false);
  });

  it("tells a failed write to the next one or at the end, and is quiet when nobody asks", async () => {
    const path = join(folder, "read-only");
    await (await open(path, "wx")).close();
    const handle = await open(path, "r");
    const early = new FileSink(handle, { isBusy: false });
    const many = async () => {
      for (let turn = 0; turn < 10; turn++) await early.write(Buffer.alloc(2 ** 20));
    };
    await expect(many()).rejects.toMatchObject({ code: "EBADF" });
    await early.settle();
    const late = new FileSink(handle, { isBusy: false });
    await late.write(Buffer.alloc(10));
    await expect(late.end()).rejects.toMatchObject({ code: "EBADF" });
    await handle.close();
  });
});
