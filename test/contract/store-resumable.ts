/** What every store driver does for objects that several requests write. Call inside a `describe`. */

import { expect, test } from "vitest";
import { isServiceError } from "../../src/errors.ts";
import type { Piece, ResumableAbility, StoreDriver, Unfinished } from "../../src/store/contract.ts";
import { bodyOf, codeOf, collect } from "./store.ts";

/** Answers how to open a driver on one new place, as often as wanted: each is another process to the store. */
type Make = () => Promise<() => StoreDriver>;

interface Writing {
  readonly open: () => StoreDriver;
  readonly driver: StoreDriver;
  readonly ability: ResumableAbility;
  readonly unfinished: Unfinished;
  /** As long as a piece has to be. */
  readonly pieceBytes: number;
}

const path = "a/b/key";

async function begun(make: Make): Promise<Writing> {
  const open = await make();
  const driver = open();
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

async function read(driver: StoreDriver): Promise<Buffer | undefined> {
  const got = await driver.get(path);
  return got === undefined ? undefined : collect(got.body);
}

async function listed(driver: StoreDriver): Promise<string[]> {
  const found: string[] = [];
  for await (const head of driver.list("")) if (!head.path.startsWith("_obj/")) found.push(head.path);
  return found;
}

export function testResumable(make: Make): void {
  test("makes an object of pieces, of which nothing is seen before", async () => {
    const { driver, ability, unfinished, pieceBytes } = await begun(make);
    const bytes = pattern(2 * pieceBytes + 12_345);
    const pieces = await write(ability, unfinished, { bytes, pieceBytes });
    expect(await read(driver)).toBeUndefined();
    expect(await driver.head(path)).toBeUndefined();
    expect(await listed(driver)).toEqual([]);
    const head = await ability.complete(unfinished, { sizeBytes: bytes.length, pieces });
    expect(head).toMatchObject({ path, sizeBytes: bytes.length });
    expect(await listed(driver)).toEqual([path]);
    await ability.discard(unfinished);
    expect((await read(driver))?.equals(bytes)).toBe(true);
    expect(await listed(driver)).toEqual([path]);
  });

  test("goes on in another process, with what was remembered", async () => {
    const { open, ability, unfinished, pieceBytes } = await begun(make);
    const bytes = pattern(2 * pieceBytes + 1);
    const [first] = await write(ability, unfinished, { bytes: bytes.subarray(0, pieceBytes), pieceBytes });
    // Written, and not remembered: other bytes, and more of them.
    await write(ability, unfinished, { bytes: pattern(3 * pieceBytes, 9), pieceBytes, from: 2 });
    const next = { ...unfinished, epoch: 2 };
    const after = open().resumable;
    await after.take(next);
    const rest = await write(after, next, { bytes, pieceBytes, from: 2 });
    await after.complete(next, { sizeBytes: bytes.length, pieces: [...(first ? [first] : []), ...rest] });
    await after.discard(next);
    expect((await read(open()))?.equals(bytes)).toBe(true);
  });

  test("has no use for what a writer sends that was taken for dead", async () => {
    const { open, ability, unfinished, pieceBytes } = await begun(make);
    const bytes = pattern(pieceBytes + 5);
    await write(ability, unfinished, { bytes, pieceBytes });
    // The second one died before it could take over.
    const third = { ...unfinished, epoch: 3 };
    const heir = open().resumable;
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
    else expect(await codeOf(done)).toBe("OBJECT_MISSING");
    const found = await read(open());
    expect(found === undefined || found.equals(bytes)).toBe(true);
  });

  test("is completed again where the answer was lost", async () => {
    const { open, ability, unfinished, pieceBytes } = await begun(make);
    const bytes = pattern(pieceBytes + 5);
    const whole = {
      sizeBytes: bytes.length,
      pieces: await write(ability, unfinished, { bytes, pieceBytes }),
    };
    await ability.complete(unfinished, whole);
    const next = { ...unfinished, epoch: 2 };
    const after = open().resumable;
    await after.take(next);
    expect(await after.complete(next, whole)).toMatchObject({ path, sizeBytes: bytes.length });
    await after.discard(next);
    await after.discard(next);
    expect((await read(open()))?.equals(bytes)).toBe(true);
  });

  test("never overwrites", async () => {
    const { driver, ability, unfinished, pieceBytes } = await begun(make);
    const bytes = pattern(pieceBytes);
    const pieces = await write(ability, unfinished, { bytes, pieceBytes });
    await driver.put(path, bodyOf(Buffer.from("first")));
    expect(await codeOf(ability.complete(unfinished, { sizeBytes: bytes.length, pieces }))).toBe(
      "STORE_CONFLICT",
    );
    expect((await read(driver))?.toString()).toBe("first");
  });

  test("takes no more once it was dropped, which may be repeated", async () => {
    const { open, driver, ability, unfinished, pieceBytes } = await begun(make);
    const bytes = pattern(pieceBytes);
    const pieces = await write(ability, unfinished, { bytes, pieceBytes });
    await ability.discard({ ...unfinished, epoch: 4 });
    await ability.discard({ ...unfinished, epoch: 4 });
    expect(await codeOf(write(ability, unfinished, { bytes, pieceBytes }))).toBe("OBJECT_MISSING");
    const done = ability.complete(unfinished, { sizeBytes: bytes.length, pieces });
    expect(await codeOf(done)).toBe("OBJECT_MISSING");
    expect(await listed(driver)).toEqual([]);
    await driver.put(path, bodyOf(Buffer.from("free")));
    expect((await read(open()))?.toString()).toBe("free");
  });

  test("is dropped by its path where nobody remembers more", async () => {
    const { driver, ability } = await begun(make);
    await ability.discard({ path, epoch: 1 });
    const left: string[] = [];
    for await (const { path: found } of driver.multipart?.open("") ?? []) left.push(found);
    expect(left).toEqual([]);
  });

  test("refuses a path that is not canonical", async () => {
    const ability = (await make())().resumable;
    for (const wrong of ["", "/a", "a//b", "../a", "a\\b"])
      expect(await codeOf(ability.begin(wrong, 1))).toBe("BAD_USER_INPUT");
  });
}
