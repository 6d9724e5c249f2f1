/** Laws of objects that several requests write. */

import { deepStrictEqual, partialDeepStrictEqual, strictEqual } from "node:assert/strict";
import { isServiceError } from "../../errors.ts";
import type { Piece, ResumableAbility, StoreDriver, Unfinished } from "../contract.ts";
import { bodyOf, bytesOf, codeOf, type MakePlace, pathsIn, type StoreLaw } from "./law.ts";

interface Writing {
  readonly open: () => StoreDriver | Promise<StoreDriver>;
  readonly driver: StoreDriver;
  readonly ability: ResumableAbility;
  readonly unfinished: Unfinished;
  /** As long as a piece has to be. */
  readonly pieceBytes: number;
}

const path = "a/b/key";

async function begun(make: MakePlace): Promise<Writing> {
  const open = await make();
  const driver = await open();
  const ability = driver.resumable;
  const unfinished = { path, id: await ability.begin(path, 1), epoch: 1 };
  return { open, driver, ability, unfinished, pieceBytes: ability.pieceBytes(1, 40 << 20) };
}

/** Bytes of which no two pieces are equal. */
function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length, seed);
  for (let at = 0; at + 4 <= length; at += 1021) bytes.writeUInt32LE((at * 31 + seed) >>> 0, at);
  return bytes;
}

/** Writes `bytes` from piece `from` on. */
async function write(
  ability: ResumableAbility,
  unfinished: Unfinished,
  { bytes, pieceBytes, from = 1 }: { bytes: Buffer; pieceBytes: number; from?: number },
): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for (let number = from; (number - 1) * pieceBytes < bytes.length; number++) {
    const offset = (number - 1) * pieceBytes;
    const part = bytes.subarray(offset, offset + pieceBytes);
    const tag = await ability.write(unfinished, { number, offset, bytes: part });
    pieces.push({ number, sizeBytes: part.length, tag });
  }
  return pieces;
}

function read(driver: StoreDriver): Promise<Buffer | undefined> {
  return bytesOf(driver, path);
}

export const resumableLaws: readonly StoreLaw[] = [
  {
    name: "resumable: makes an object of pieces, of which nothing is seen before",
    check: async (make) => {
      const { driver, ability, unfinished, pieceBytes } = await begun(make);
      const bytes = pattern(2 * pieceBytes + 12_345);
      const pieces = await write(ability, unfinished, { bytes, pieceBytes });
      strictEqual(await read(driver), undefined);
      strictEqual(await driver.head(path), undefined);
      deepStrictEqual(await pathsIn(driver), []);
      const head = await ability.complete(unfinished, { sizeBytes: bytes.length, pieces });
      partialDeepStrictEqual(head, { path, sizeBytes: bytes.length });
      deepStrictEqual(await pathsIn(driver), [path]);
      await ability.discard(unfinished);
      strictEqual((await read(driver))?.equals(bytes), true);
      deepStrictEqual(await pathsIn(driver), [path]);
    },
  },

  {
    name: "resumable: goes on in another process, with what was remembered",
    check: async (make) => {
      const { open, ability, unfinished, pieceBytes } = await begun(make);
      const bytes = pattern(2 * pieceBytes + 1);
      const [first] = await write(ability, unfinished, { bytes: bytes.subarray(0, pieceBytes), pieceBytes });
      // Written, and not remembered: other bytes, and more of them.
      await write(ability, unfinished, { bytes: pattern(3 * pieceBytes, 9), pieceBytes, from: 2 });
      const next = { ...unfinished, epoch: 2 };
      const after = (await open()).resumable;
      await after.take(next);
      const rest = await write(after, next, { bytes, pieceBytes, from: 2 });
      await after.complete(next, { sizeBytes: bytes.length, pieces: [...(first ? [first] : []), ...rest] });
      await after.discard(next);
      strictEqual((await read(await open()))?.equals(bytes), true);
    },
  },

  {
    name: "resumable: has no use for what a writer sends that was taken for dead",
    check: async (make) => {
      const { open, ability, unfinished, pieceBytes } = await begun(make);
      const bytes = pattern(pieceBytes + 5);
      await write(ability, unfinished, { bytes, pieceBytes });
      // The second one died before it could take over.
      const third = { ...unfinished, epoch: 3 };
      const heir = (await open()).resumable;
      await heir.take(third);
      const pieces = await write(heir, third, { bytes, pieceBytes });
      const late = write(ability, unfinished, { bytes: pattern(pieceBytes + 5, 7), pieceBytes });
      const refused = await late.then(
        () => false,
        (error: unknown) => isServiceError(error, "OBJECT_MISSING"),
      );
      const done = heir.complete(third, { sizeBytes: bytes.length, pieces });
      // Refused at its write, or its bytes are not those that are named at the end.
      if (refused) await done;
      else strictEqual(await codeOf(done), "OBJECT_MISSING");
      const found = await read(await open());
      strictEqual(found === undefined || found.equals(bytes), true);
    },
  },

  {
    name: "resumable: is completed again where the answer was lost",
    check: async (make) => {
      const { open, ability, unfinished, pieceBytes } = await begun(make);
      const bytes = pattern(pieceBytes + 5);
      const whole = {
        sizeBytes: bytes.length,
        pieces: await write(ability, unfinished, { bytes, pieceBytes }),
      };
      await ability.complete(unfinished, whole);
      const next = { ...unfinished, epoch: 2 };
      const after = (await open()).resumable;
      await after.take(next);
      partialDeepStrictEqual(await after.complete(next, whole), { path, sizeBytes: bytes.length });
      await after.discard(next);
      await after.discard(next);
      strictEqual((await read(await open()))?.equals(bytes), true);
    },
  },

  {
    name: "resumable: never overwrites",
    check: async (make) => {
      const { driver, ability, unfinished, pieceBytes } = await begun(make);
      const bytes = pattern(pieceBytes);
      const pieces = await write(ability, unfinished, { bytes, pieceBytes });
      await driver.put(path, bodyOf(Buffer.from("first")));
      strictEqual(
        await codeOf(ability.complete(unfinished, { sizeBytes: bytes.length, pieces })),
        "STORE_CONFLICT",
      );
      strictEqual((await read(driver))?.toString(), "first");
    },
  },

  {
    name: "resumable: takes no more once it was dropped, which may be repeated",
    check: async (make) => {
      const { open, driver, ability, unfinished, pieceBytes } = await begun(make);
      const bytes = pattern(pieceBytes);
      const pieces = await write(ability, unfinished, { bytes, pieceBytes });
      await ability.discard({ ...unfinished, epoch: 4 });
      await ability.discard({ ...unfinished, epoch: 4 });
      strictEqual(await codeOf(write(ability, unfinished, { bytes, pieceBytes })), "OBJECT_MISSING");
      const done = ability.complete(unfinished, { sizeBytes: bytes.length, pieces });
      strictEqual(await codeOf(done), "OBJECT_MISSING");
      deepStrictEqual(await pathsIn(driver), []);
      await driver.put(path, bodyOf(Buffer.from("free")));
      strictEqual((await read(await open()))?.toString(), "free");
    },
  },

  {
    name: "resumable: is dropped by its path where nobody remembers more",
    check: async (make) => {
      const { driver, ability } = await begun(make);
      await ability.discard({ path, epoch: 1 });
      const left: string[] = [];
      for await (const { path: found } of driver.multipart?.open("") ?? []) left.push(found);
      deepStrictEqual(left, []);
    },
  },

  {
    name: "resumable: refuses a path that is not canonical",
    check: async (make) => {
      const ability = (await (await make())()).resumable;
      for (const wrong of ["", "/a", "a//b", "../a", "a\\b"])
        strictEqual(await codeOf(ability.begin(wrong, 1)), "BAD_USER_INPUT");
    },
  },
];
