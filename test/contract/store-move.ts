/** What store drivers that move objects do. Call inside a `describe`. */

import { describe, expect, test } from "vitest";
import type { StoreDriver } from "../../src/store/contract.ts";
import { bodyOf, codeOf, collect } from "./store.ts";

type Make = () => Promise<StoreDriver>;

const text = (content: string) => bodyOf(Buffer.from(content));

async function contentOf(driver: StoreDriver, path: string): Promise<string | undefined> {
  const got = await driver.get(path);
  return got === undefined ? undefined : (await collect(got.body)).toString("latin1");
}

export function testMove(make: Make): void {
  const made = async () => {
    const driver = await make();
    const { move } = driver;
    if (move === undefined) throw new Error("The driver moves nothing.");
    return { driver, move };
  };

  describe("move", () => {
    test.each([0, 1, 3_000_001])("gives %i bytes another path, and frees theirs", async (size) => {
      const { driver, move } = await made();
      const bytes = Buffer.alloc(size, "0123456789abcdef");
      await driver.put("a b/é+%.bin", bodyOf(bytes));
      const head = await move("a b/é+%.bin", "_trash/7/a b/é+%.bin", {
        expiresAt: new Date(Date.now() + 60_000),
      });
      expect(head).toMatchObject({ path: "_trash/7/a b/é+%.bin", sizeBytes: size });
      expect(await driver.head("a b/é+%.bin")).toBeUndefined();
      expect((await contentOf(driver, "_trash/7/a b/é+%.bin")) === bytes.toString("latin1")).toBe(true);
      await driver.put("a b/é+%.bin", text("another"));
      expect((await contentOf(driver, "_trash/7/a b/é+%.bin")) === bytes.toString("latin1")).toBe(true);
    });

    test("never overwrites, not even with itself", async () => {
      const { driver, move } = await made();
      await driver.put("a", text("first"));
      await driver.put("b", text("second"));
      expect(await codeOf(move("a", "b"))).toBe("STORE_CONFLICT");
      expect(await codeOf(move("a", "a"))).toBe("STORE_CONFLICT");
      expect([await contentOf(driver, "a"), await contentOf(driver, "b")]).toEqual(["first", "second"]);
    });

    test("of what is absent, and of a folder, is told", async () => {
      const { driver, move } = await made();
      await driver.put("folder/file", text("x"));
      for (const from of ["nothing", "no/such/folder", "folder", "folder/file/below"])
        expect(await codeOf(move(from, "to"))).toBe("OBJECT_MISSING");
      expect(await driver.head("to")).toBeUndefined();
    });

    test("lets one of many at once win", async () => {
      const { driver, move } = await made();
      await driver.put("a", text("content"));
      const targets = Array.from({ length: 6 }, (_, index) => `to/${index}`);
      await Promise.allSettled(targets.map((to) => move("a", to)));
      const contents = await Promise.all(["a", ...targets].map((path) => contentOf(driver, path)));
      expect(contents.filter((found) => found === "content").length).toBeGreaterThanOrEqual(1);
      await Promise.allSettled(targets.map((to) => move("a", to)));
      expect(await driver.head("a")).toBeUndefined();
    });

    test("moves nothing once the deadline has passed, or for a caller that has given up", async () => {
      const { driver, move } = await made();
      await driver.put("a", text("x"));
      expect(await codeOf(move("a", "b", { expiresAt: new Date(Date.now() - 1) }))).toBe("CONFLICT");
      await expect(move("a", "b", { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
      expect([await contentOf(driver, "a"), await contentOf(driver, "b")]).toEqual(["x", undefined]);
    });

    test("refuses paths that are not canonical, on both sides", async () => {
      const { driver, move } = await made();
      await driver.put("a", text("x"));
      for (const path of ["", "/b", "b/../c", "b\\c", "b//c"]) {
        expect(await codeOf(move("a", path))).toBe("BAD_USER_INPUT");
        expect(await codeOf(move(path, "b"))).toBe("BAD_USER_INPUT");
      }
      expect(await contentOf(driver, "a")).toBe("x");
    });
  });
}
