import { mkdir, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { ByteReader } from "../../src/codec/contract.ts";
import { verifyDigest } from "../../src/object/reader.ts";
import { codeOf, collect } from "../contract/store.ts";
import { type Laboratory, laboratory } from "./laboratory.ts";

let lab: Laboratory;
const content = Buffer.from(Array.from({ length: 600_000 }, (_, index) => (index * 7) & 255));
beforeAll(async () => {
  lab = await laboratory();
  await mkdir(join(lab.main, "t/sub"), { recursive: true });
  await writeFile(join(lab.main, "file"), content);
  for (const name of ["t/a", "t/b.txt", "t/sub/c"]) await writeFile(join(lab.main, name), name);
});

/** Every range of the file above is given exactly, and others are refused. */
async function expectRanges(reader: ByteReader): Promise<void> {
  expect(reader.sizeBytes).toBe(600_000);
  const ranges: [number, number][] = [
    [0, 0],
    [0, 100],
    [10, 11],
    [99, 101],
    [100, 200],
    [0, 600_000],
    [5, 599_995],
    [599_999, 600_000],
    [600_000, 600_000],
  ];
  for (const [start, end] of ranges) {
    expect(Buffer.compare(await reader.read(start, end), content.subarray(start, end))).toBe(0);
    expect(Buffer.compare(await collect(reader.stream(start, end)), content.subarray(start, end))).toBe(0);
  }
  expect((await collect(reader.stream(599_000))).length).toBe(1000);
  expect(Buffer.compare(await collect(reader.stream()), content)).toBe(0);
  for (const [start, end] of [
    [0, 600_001],
    [-1, 5],
    [6, 5],
  ] as const)
    expect(await codeOf(reader.read(start, end))).toBe("RANGE_NOT_SATISFIABLE");
}

test("reads exactly the range, and streams the rest", async () => {
  await expectRanges(await lab.objects.reader.file("main", "file"));
});

test.each([0, 1, 100, 600_000, 700_000])(
  "whose first %d bytes are wanted gives every range",
  async (first) => {
    const value = (path: string) => lab.objects.reader.open({ store: "main", path });
    const reader = await value("file").bytes(first);
    await expectRanges(reader);
    // What was given away is not what is kept.
    (await reader.read(0, 2)).fill(9);
    expect(Buffer.compare(await reader.read(0, 2), content.subarray(0, 2))).toBe(0);
    const aborted = AbortSignal.abort(new Error("aborted"));
    await expect(reader.read(0, 1, aborted)).rejects.toThrow("aborted");
    expect(await codeOf(value("nothing").bytes(first))).toBe("OBJECT_MISSING");
    expect(await codeOf(value("t").bytes(first))).toBe("OBJECT_MISSING");
    await writeFile(join(lab.main, "empty"), "");
    const empty = await value("empty").bytes(first);
    expect([empty.sizeBytes, (await collect(empty.stream())).length]).toEqual([0, 0]);
  },
);

test("tells missing, damaged and unreachable apart", async () => {
  const { reader } = lab.objects;
  expect(await codeOf(reader.file("main", "nothing"))).toBe("OBJECT_MISSING");
  expect(await codeOf(reader.open({ store: "main", path: "nothing" }).bytes())).toBe("OBJECT_MISSING");
  expect(await codeOf(reader.file("main", "file", { sizeBytes: 5 }))).toBe("OBJECT_CORRUPT");
  // What is opened to be read is looked at by the reading: in all its parts, also those beyond the end.
  const readOf = async (path: string, sizeBytes: number, [start, end]: readonly [number, number]) =>
    (await reader.open({ store: "main", path, sizeBytes }).bytes()).read(start, end);
  expect(await codeOf(readOf("file", 5, [0, 5]))).toBe("OBJECT_CORRUPT");
  expect(await codeOf(readOf("file", 700_000, [0, 5]))).toBe("OBJECT_CORRUPT");
  expect(await codeOf(readOf("file", 700_000, [650_000, 660_000]))).toBe("OBJECT_CORRUPT");
  expect(await codeOf(readOf("nothing", 5, [0, 5]))).toBe("OBJECT_MISSING");
  expect(await codeOf(readOf("nothing", 0, [0, 0]))).toBe("OBJECT_MISSING");
  expect(await codeOf(reader.file("main", "../etc/passwd"))).toBe("BAD_USER_INPUT");
  await writeFile(join(lab.main, "shrinks"), content);
  const shrinking = await reader.file("main", "shrinks");
  await truncate(join(lab.main, "shrinks"), 10);
  expect(await codeOf(shrinking.read(0, 100))).toBe("OBJECT_CORRUPT");
  await rm(join(lab.main, "shrinks"));
  expect(await codeOf(shrinking.read(0, 100))).toBe("OBJECT_MISSING");
  await rename(lab.cold, `${lab.cold}.away`);
  expect(await codeOf(reader.file("cold", "file"))).toBe("STORE_UNAVAILABLE");
  await rename(`${lab.cold}.away`, lab.cold);
  expect(await codeOf(reader.file("cold", "file"))).toBe("OBJECT_MISSING");
});

test("takes no name for the default store", async () => {
  const value = lab.objects.reader.open({ store: "", path: "file" });
  expect((await value.bytes()).sizeBytes).toBe(600_000);
});

test("looks at a file, a folder, or nothing, without reading", async () => {
  const head = (path: string) => lab.objects.reader.open({ store: "main", path }).head?.();
  expect(await head("file")).toMatchObject({
    isDirectory: false,
    sizeBytes: 600_000,
    modifiedAt: expect.any(Date),
  });
  expect(await head("t")).toMatchObject({ isDirectory: true });
  expect(await head("nothing")).toBeUndefined();
  expect(await head("fil")).toBeUndefined();
});

test("walks folders in byte order, by prefix and after", async () => {
  const tree = lab.objects.reader.tree("main", "t");
  const entries = async (options?: { prefix?: string; after?: string }): Promise<string[]> => {
    const found: string[] = [];
    for await (const entry of tree.entries(options)) found.push(`${entry.path} ${entry.sizeBytes}`);
    return found;
  };
  expect(await entries()).toEqual(["a 3", "b.txt 7", "sub/c 7"]);
  expect(await entries({ prefix: "sub/" })).toEqual(["sub/c 7"]);
  expect(await entries({ after: "a" })).toEqual(["b.txt 7", "sub/c 7"]);
  expect(await entries({ after: "sub/c" })).toEqual([]);
  expect(await tree.file("nothing")).toBeUndefined();
  expect(await codeOf(tree.file("../file"))).toBe("BAD_USER_INPUT");
  const gone = lab.objects.reader.tree("main", "gone").entries()[Symbol.asyncIterator]();
  expect(await codeOf(gone.next())).toBe("OBJECT_MISSING");
});

test("verifies the peer's hash and ours", async () => {
  await writeFile(join(lab.main, "raw"), "raw bytes");
  const reader = await lab.objects.reader.file("main", "raw");
  await verifyDigest(reader, { hash: "unwli6dqh5hkrs4def2rgayp5m" });
  expect(await codeOf(verifyDigest(reader, { hash: "2qoyzwmpaczaj2mabgmoz6ccpy" }))).toBe("OBJECT_CORRUPT");
  expect(await codeOf(verifyDigest(reader, { sha256: "0".repeat(64) }))).toBe("OBJECT_CORRUPT");
});
