import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFileDriver, type FileDriverOptions } from "../../src/store/file.ts";
import { bodyOf, codeOf, collect, testStore } from "../contract/store.ts";
import { testAborted, testCopy } from "../contract/store-copy.ts";
import { testMove } from "../contract/store-move.ts";
import { testResumable } from "../contract/store-resumable.ts";

let base: string;
let count = 0;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "holdfast-file-"));
});
afterAll(() => rm(base, { recursive: true, force: true }));

async function location(): Promise<string> {
  const folder = join(base, `store${count++}`);
  await mkdir(folder);
  return folder;
}

const text = (content: string) => bodyOf(Buffer.from(content));
const everyName = (folder: string) => readdir(folder, { recursive: true });

describe.each(["handle", "lstat"] as const)("file store, walking by %s", (walk) => {
  testStore(async () => createFileDriver(await location(), { walk }));
  describe("resumable", () => {
    testResumable(async () => {
      const folder = await location();
      return () => createFileDriver(folder, { walk });
    });
  });

  test("keeps an unfinished object beside its target, and nothing of it in the end", async () => {
    const folder = await location();
    const { resumable, ...driver } = createFileDriver(folder, { walk });
    const first = { path: "d/key", id: await resumable.begin("d/key", 1), epoch: 1 };
    await resumable.write(first, { number: 1, offset: 0, bytes: Buffer.from("abcdef") });
    const [name = ""] = await everyName(join(folder, "d"));
    expect(name).toMatch(/^\.holdfast-[0-9a-z]{20}-0001\.part$/);
    expect(await codeOf(driver.get(`d/${name}`))).toBe("BAD_USER_INPUT");
    const second = { ...first, epoch: 2 };
    await resumable.take(second);
    // Somebody cut the file: zeros must not fill the hole.
    await truncate(join(folder, "d", name.replace("-0001", "-0002")), 2);
    const after = { number: 2, offset: 6, bytes: Buffer.from("g") };
    expect(await codeOf(resumable.write(second, after))).toBe("OBJECT_MISSING");
    const done = resumable.complete(second, { sizeBytes: 6, pieces: [] });
    expect(await codeOf(done)).toBe("OBJECT_MISSING");
    await resumable.discard(second);
    expect(await everyName(folder)).toEqual(["d"]);
  });
  testCopy(async () => createFileDriver(await location(), { walk }));
  testAborted(async () => createFileDriver(await location(), { walk }));
  testMove(async () => createFileDriver(await location(), { walk }));

  test("goes on with a move that ended half-way, and takes no other file for it", async () => {
    const folder = await location();
    const dying = createFileDriver(folder, {
      walk,
      faults: (point) => {
        if (point === "fs.linked") throw Object.assign(new Error("EIO"), { code: "EIO" });
      },
    });
    const driver = createFileDriver(folder, { walk });
    await driver.put("d/a", text("content"));
    expect(await codeOf(dying.move?.("d/a", "_trash/1/d/a") ?? Promise.resolve())).toBe("STORE_UNAVAILABLE");
    expect((await everyName(folder)).filter((name) => name.endsWith("/a"))).toHaveLength(2);
    await driver.move?.("d/a", "_trash/1/d/a");
    expect((await everyName(folder)).filter((name) => name.endsWith("/a"))).toEqual(["_trash/1/d/a"]);
    await driver.put("d/a", text("content"));
    expect(await codeOf(driver.move?.("d/a", "_trash/1/d/a") ?? Promise.resolve())).toBe("STORE_CONFLICT");
    expect(await readFile(join(folder, "d/a"), "utf8")).toBe("content");
  });

  test("moves through no link, and moves none", async () => {
    const [folder, outside] = [await location(), await location()];
    await writeFile(join(outside, "secret"), "secret");
    await symlink(join(outside, "secret"), join(folder, "file"));
    await symlink(outside, join(folder, "folder"));
    const driver = createFileDriver(folder, { walk });
    await driver.put("a", text("x"));
    for (const [from, to] of [
      ["file", "to"],
      ["folder/secret", "to"],
      ["a", "folder/new"],
    ] as const)
      expect(await codeOf(driver.move?.(from, to) ?? Promise.resolve())).toBe("FORBIDDEN");
    expect(await codeOf(driver.move?.("a", "file") ?? Promise.resolve())).toBe("STORE_CONFLICT");
    expect(await everyName(outside)).toEqual(["secret"]);
    expect(await readFile(join(folder, "a"), "utf8")).toBe("x");
  });

  test("folders of the trash go with their last file, others stay", async () => {
    const folder = await location();
    const driver = createFileDriver(folder, { walk });
    for (const path of ["_trash/1/a/b/c", "_trash/1/a/d", "_trash/2/a", "live/a/b"])
      await driver.put(path, text("x"));
    await driver.delete("_trash/1/a/b/c");
    expect((await everyName(join(folder, "_trash"))).sort()).toEqual(["1", "1/a", "1/a/d", "2", "2/a"]);
    await driver.delete("_trash/1/a/d");
    await driver.delete("live/a/b");
    expect((await everyName(folder)).sort()).toEqual(["_trash", "_trash/2", "_trash/2/a", "live", "live/a"]);
  });

  test("lays a file at its path, readable by others as it is", async () => {
    const folder = await location();
    await createFileDriver(folder, { walk }).put("_schema/lab/#s/k=1/f.npy", text("bytes"));
    expect(await readFile(join(folder, "_schema/lab/#s/k=1/f.npy"), "utf8")).toBe("bytes");
    expect(await everyName(join(folder, "_schema/lab/#s/k=1"))).toEqual(["f.npy"]);
  });

  test("never follows a link, to a file or through a folder", async () => {
    const folder = await location();
    const outside = await location();
    await writeFile(join(outside, "secret"), "secret");
    await symlink(join(outside, "secret"), join(folder, "file"));
    await symlink(outside, join(folder, "folder"));
    const driver = createFileDriver(folder, { walk });
    for (const path of ["file", "folder/secret", "folder"]) {
      expect(await codeOf(driver.get(path))).toBe("FORBIDDEN");
      expect(await codeOf(driver.head(path))).toBe("FORBIDDEN");
    }
    expect(await codeOf(driver.put("folder/new", text("x")))).toBe("FORBIDDEN");
    expect(await codeOf(driver.put("file", text("x")))).toBe("STORE_CONFLICT");
    expect(await everyName(outside)).toEqual(["secret"]);
    const listed: string[] = [];
    for await (const head of driver.list("")) listed.push(head.path);
    expect(listed).toEqual([]);
  });

  test("reads no byte from outside while a folder is swapped for a link", async () => {
    const folder = await location();
    const outside = await location();
    await mkdir(join(folder, "d"));
    await writeFile(join(folder, "d", "f"), "inside");
    await writeFile(join(outside, "f"), "outside");
    await symlink(outside, join(folder, "link"));
    const driver = createFileDriver(folder, { walk });
    let swapping = true;
    const swapper = (async () => {
      while (swapping) {
        await rename(join(folder, "d"), join(folder, "kept"));
        await rename(join(folder, "link"), join(folder, "d"));
        await rename(join(folder, "d"), join(folder, "link"));
        await rename(join(folder, "kept"), join(folder, "d"));
        await setTimeout(1);
      }
    })();
    const seen = new Map<string, number>();
    for (let turn = 0; turn < 1500; turn++) {
      const read = async (): Promise<string> => {
        const got = await driver.get("d/f");
        return got === undefined ? "absent" : (await collect(got.body)).toString();
      };
      const answer = await read().catch((error: { code: string }) => error.code);
      seen.set(answer, (seen.get(answer) ?? 0) + 1);
    }
    swapping = false;
    await swapper;
    expect(seen.get("outside")).toBeUndefined();
    expect(seen.get("inside")).toBeGreaterThan(0);
  });
});

describe("file store in trouble", () => {
  const faulty = (point: string, code: string): FileDriverOptions => ({
    faults: (reached) => {
      if (reached === point) throw Object.assign(new Error(code), { code });
    },
  });

  test.each([
    ["fs.ENOSPC", "ENOSPC", /is full.*/],
    ["fs.EIO", "EIO", /fails to read or write/],
    ["fs.fsync", "EIO", /fails to read or write/],
    ["fs.EXDEV", "EXDEV", /spans two file systems/],
  ])("%s: refuses, names the remedy, leaves nothing", async (point, code, message) => {
    const folder = await location();
    const driver = createFileDriver(folder, faulty(point, code));
    const failure = driver.put("a/b", text("x"));
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", details: { errno: code } });
    expect((await everyName(folder)).filter((name) => name !== "a")).toEqual([]);
    const healthy = createFileDriver(folder);
    await healthy.put("a/b", text("x"));
  });

  test("a location that is no folder is unavailable", async () => {
    const driver = createFileDriver(join(await location(), "file"));
    await writeFile(join(base, `store${count - 1}`, "file"), "x");
    expect(await codeOf(driver.put("x", text("y")))).toBe("STORE_UNAVAILABLE");
  });

  test("a missing location is unavailable, never an absent object, and works once it is there", async () => {
    const folder = join(base, "later");
    const driver = createFileDriver(folder);
    expect(await codeOf(driver.head("a"))).toBe("STORE_UNAVAILABLE");
    expect(await codeOf(driver.get("a"))).toBe("STORE_UNAVAILABLE");
    expect(await codeOf(driver.put("a", text("x")))).toBe("STORE_UNAVAILABLE");
    expect(await codeOf(driver.probe())).toBe("STORE_UNAVAILABLE");
    expect(await codeOf(driver.list("")[Symbol.asyncIterator]().next())).toBe("STORE_UNAVAILABLE");
    await mkdir(folder);
    await driver.put("a", text("x"));
  });

  test("an unmounted location, its empty mount point showing, is unavailable", async () => {
    const folder = await location();
    const driver = createFileDriver(folder);
    await driver.put("a", text("x"));
    await rename(folder, `${folder}.away`);
    await mkdir(folder);
    expect(await codeOf(driver.head("a"))).toBe("STORE_UNAVAILABLE");
    expect(await codeOf(driver.put("b", text("x")))).toBe("STORE_UNAVAILABLE");
    expect(await everyName(folder)).toEqual([]);
    await rm(folder, { recursive: true });
    await rename(`${folder}.away`, folder);
    expect(await driver.head("a")).toBeDefined();
  });

  test("unfinished files of a killed process are no objects", async () => {
    const folder = await location();
    await writeFile(join(folder, ".holdfast-0123456789abcdefghijklmn.part"), "half");
    const driver = createFileDriver(folder);
    for await (const head of driver.list("")) throw new Error(`listed ${head.path}`);
  });

  test("a file in the way of a folder is a conflict", async () => {
    const driver = createFileDriver(await location());
    await driver.put("a", text("x"));
    expect(await codeOf(driver.put("a/b", text("x")))).toBe("STORE_CONFLICT");
  });

  test("writes and reads a large object with memory flat", async () => {
    const driver = createFileDriver(await location());
    const chunk = Buffer.alloc(1 << 20, 7);
    async function* large(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 256; index++) yield chunk;
    }
    const before = process.memoryUsage().rss;
    await driver.put("large", large());
    let bytes = 0;
    let peak = before;
    for await (const part of (await driver.get("large"))?.body ?? large()) {
      bytes += part.length;
      if (bytes % (1 << 24) === 0) peak = Math.max(peak, process.memoryUsage().rss);
    }
    expect(bytes).toBe(256 << 20);
    expect(peak - before).toBeLessThan(128 << 20);
  });
});
