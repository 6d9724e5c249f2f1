/** What every store driver does, whatever it stands on. Call inside a `describe`. */

import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isServiceError } from "../../src/errors.ts";
import type { StoreDriver } from "../../src/store/contract.ts";
import { compareBytes } from "../../src/store/path.ts";

/** Bytes as a body, in pieces of `pieceBytes`. */
export async function* bodyOf(bytes: Uint8Array, pieceBytes = 1 << 16): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** All bytes of a body. */
export async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The code of the ServiceError that `work` rejects with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isServiceError(error)) throw error ?? new Error("nothing was thrown");
  return error.code;
}

async function paths(driver: StoreDriver, prefix: string, after?: string): Promise<string[]> {
  const found: string[] = [];
  for await (const head of driver.list(prefix, after === undefined ? {} : { after })) {
    // The driver's own, by the contract.
    if (!head.path.startsWith("_obj/")) found.push(head.path);
  }
  return found;
}

export function testStore(make: () => Promise<StoreDriver>): void {
  const text = (content: string) => bodyOf(Buffer.from(content));

  test("gives back what was put, with its size", async () => {
    const driver = await make();
    const bytes = Buffer.alloc(1_000_003, "0123456789abcdef");
    const put = await driver.put("a/b/c.bin", bodyOf(bytes), { sizeBytes: bytes.length });
    expect(put).toMatchObject({ path: "a/b/c.bin", sizeBytes: bytes.length });
    expect(await driver.head("a/b/c.bin")).toMatchObject({ path: "a/b/c.bin", sizeBytes: bytes.length });
    const got = await driver.get("a/b/c.bin");
    expect(got?.head.sizeBytes).toBe(bytes.length);
    expect(Buffer.compare(await collect(got?.body ?? bodyOf(bytes)), bytes)).toBe(0);
  });

  test("stores an empty object", async () => {
    const driver = await make();
    await driver.put("empty", bodyOf(new Uint8Array()));
    const got = await driver.get("empty");
    expect(got?.head.sizeBytes).toBe(0);
    expect(await collect(got?.body ?? text("x"))).toHaveLength(0);
  });

  test("answers undefined for what is absent, and for folders", async () => {
    const driver = await make();
    await driver.put("folder/file", text("x"));
    for (const path of ["nothing", "folder", "folder/other", "folder/file/below", "no/such/folder"]) {
      expect(await driver.head(path)).toBeUndefined();
      expect(await driver.get(path)).toBeUndefined();
    }
  });

  test("never overwrites", async () => {
    const driver = await make();
    await driver.put("key", text("first"));
    expect(await codeOf(driver.put("key", text("second")))).toBe("STORE_CONFLICT");
    expect((await collect((await driver.get("key"))?.body ?? text(""))).toString()).toBe("first");
  });

  test("lets one of many parallel creates win, and keeps its bytes whole", async () => {
    const driver = await make();
    const bodies = Array.from({ length: 8 }, (_, index) => Buffer.alloc(300_000, `${index}`));
    const results = await Promise.allSettled(bodies.map((body) => driver.put("race", bodyOf(body))));
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    const winner = results.findIndex((result) => result.status === "fulfilled");
    const stored = await collect((await driver.get("race"))?.body ?? text(""));
    expect(Buffer.compare(stored, bodies[winner] ?? Buffer.alloc(0))).toBe(0);
  });

  test("keeps nothing of a body that fails, and hands on its error", async () => {
    const driver = await make();
    const failure = new Error("the client went away");
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(200_000);
      throw failure;
    }
    await expect(driver.put("cut", broken())).rejects.toBe(failure);
    expect(await driver.head("cut")).toBeUndefined();
    expect(await paths(driver, "")).toEqual([]);
    await driver.put("cut", text("again"));
  });

  test.each([
    ["fewer", 6],
    ["more", 4],
  ])("refuses %s bytes than declared", async (_, sizeBytes) => {
    const driver = await make();
    expect(await codeOf(driver.put("key", text("12345"), { sizeBytes }))).toBe("UPLOAD_MISMATCH");
    expect(await driver.head("key")).toBeUndefined();
  });

  test("compares the digest that was declared", async () => {
    const driver = await make();
    const sha256 = createHash("sha256").update("12345").digest("hex");
    expect(await codeOf(driver.put("key", text("54321"), { sha256 }))).toBe("UPLOAD_MISMATCH");
    expect(await driver.head("key")).toBeUndefined();
    await driver.put("key", text("12345"), { sha256 });
    expect(await driver.head("key")).toBeDefined();
  });

  test("deletes one object, once or again, and frees its path", async () => {
    const driver = await make();
    for (const path of ["a/key", "a/key2"]) await driver.put(path, text("x"));
    await driver.delete("a/key");
    await driver.delete("a/key");
    await driver.delete("never/was");
    await driver.delete("a");
    expect(await paths(driver, "")).toEqual(["a/key2"]);
    await driver.put("a/key", text("y"));
  });

  test("deletes nothing once the deadline has passed", async () => {
    const driver = await make();
    await driver.put("key", text("x"));
    const expiresAt = (ms: number) => ({ expiresAt: new Date(Date.now() + ms) });
    expect(await codeOf(driver.delete("key", expiresAt(-1)))).toBe("CONFLICT");
    expect(await driver.head("key")).toBeDefined();
    await driver.delete("key", expiresAt(60_000));
    expect(await driver.head("key")).toBeUndefined();
  });

  test("stops when the caller does", async () => {
    const driver = await make();
    const controller = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let count = 0; ; count++) {
        if (count === 3) controller.abort();
        yield Buffer.alloc(1000);
      }
    }
    const { signal } = controller;
    const error: unknown = await driver.put("key", endless(), { signal }).catch((thrown: unknown) => thrown);
    expect(error).toBe(signal.reason);
    expect(await driver.head("key")).toBeUndefined();
  });

  test("reads any range exactly", async () => {
    const driver = await make();
    const bytes = Buffer.from(Array.from({ length: 700_000 }, (_, index) => (index * 31) & 255));
    await driver.put("ranged", bodyOf(bytes));
    const bound = fc.integer({ min: 0, max: bytes.length });
    await fc.assert(
      fc.asyncProperty(bound, bound, async (left, right) => {
        const range = { start: Math.min(left, right), end: Math.max(left, right) };
        const got = await driver.get("ranged", { range });
        const part = await collect(got?.body ?? bodyOf(bytes));
        expect(Buffer.compare(part, bytes.subarray(range.start, range.end))).toBe(0);
      }),
      {
        numRuns: 30,
        examples: [
          [0, 0],
          [700_000, 700_000],
          [0, 700_000],
          [699_999, 700_000],
        ],
      },
    );
  });

  test("refuses a range that begins beyond the end", async () => {
    const driver = await make();
    await driver.put("short", text("abc"));
    expect(await codeOf(driver.get("short", { range: { start: 4, end: 5 } }))).toBe("RANGE_NOT_SATISFIABLE");
  });

  describe("list", () => {
    const names = [
      "a.txt",
      "a/b",
      "a/é",
      "a/b.c/d",
      "a-b",
      "b/a",
      "B",
      "ä",
      "\u{1f600}",
      "\uff5e",
      "b/aa",
      "b a",
    ];
    const sorted = [...names].sort(compareBytes);

    test("goes in byte order of the paths, whole or after any path", async () => {
      const driver = await make();
      for (const name of names) await driver.put(name, text(name));
      expect(await paths(driver, "")).toEqual(sorted);
      for (const [index, name] of sorted.entries()) {
        expect(await paths(driver, "", name)).toEqual(sorted.slice(index + 1));
      }
      expect(await paths(driver, "", "a/")).toEqual(sorted.filter((name) => compareBytes(name, "a/") > 0));
    });

    test("takes the prefix as text, not as a folder", async () => {
      const driver = await make();
      for (const name of names) await driver.put(name, text(name));
      for (const prefix of ["a", "a/", "a/b", "b/a", "b/aa", "nothing/"]) {
        expect(await paths(driver, prefix)).toEqual(sorted.filter((name) => name.startsWith(prefix)));
      }
      expect(await paths(driver, "b/", "b/a")).toEqual(["b/aa"]);
    });
  });

  test.each([
    ["empty", ""],
    ["absolute", "/a"],
    ["ending in a slash", "a/"],
    ["with an empty segment", "a//b"],
    ["a dot", "."],
    ["two dots", ".."],
    ["with a parent segment", "a/../b"],
    ["with a dot segment", "./a"],
    ["with a backslash", "a\\b"],
    ["with a NUL", "a\u0000b"],
    ["with a line feed", "a\nb"],
    ["with half a surrogate pair", "a\ud800b"],
    ["with a long segment", "x".repeat(300)],
    ["over-long", `${"a/".repeat(600)}a`],
  ])("refuses a path that is %s", async (_, path) => {
    const driver = await make();
    expect(await codeOf(driver.put(path, text("x")))).toBe("BAD_USER_INPUT");
    expect(await codeOf(driver.head(path))).toBe("BAD_USER_INPUT");
    expect(await codeOf(driver.get(path))).toBe("BAD_USER_INPUT");
    expect(await codeOf(driver.delete(path))).toBe("BAD_USER_INPUT");
  });

  test("keeps names as they are", async () => {
    const driver = await make();
    const nfc = "é";
    const nfd = "e\u0301";
    await driver.put(`n/${nfc}`, text("composed"));
    await driver.put(`n/${nfd}`, text("decomposed"));
    for (const name of ["subject=O'Hara", "#species", "100%", "session__trial", "~x", "a b"])
      await driver.put(`p/${name}`, text(name));
    expect((await collect((await driver.get(`n/${nfd}`))?.body ?? text(""))).toString()).toBe("decomposed");
    expect(await paths(driver, "p/")).toHaveLength(6);
  });

  test("answers a probe", async () => {
    const driver = await make();
    await driver.probe();
  });
}
