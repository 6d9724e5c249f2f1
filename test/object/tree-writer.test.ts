import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { TreeEntry } from "../../src/codec/contract.ts";
import { codeOf } from "../contract/store.ts";
import { type Laboratory, laboratory, target, writeRow } from "./laboratory.ts";

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory();
});

const bytes = (text: string) => Buffer.from(text);
const files = [
  { path: "zarr.json", bytes: bytes("{}") },
  ...Array.from({ length: 20 }, (_, i) => ({ path: `c/${i}`, bytes: bytes(`chunk ${i}`) })),
];

test("a folder is put below one key, verified, published and read as one object", async () => {
  const staged = await lab.objects.writer.stage(target("schema", { ext: ".zarr" }), files);
  const object = await writeRow(lab, 1, staged);
  const sizeBytes = files.reduce((sum, file) => sum + file.bytes.length, 0);
  expect(object).toMatchObject({ isTree: true, itemCount: 21, sizeBytes, ext: ".zarr" });
  const tree = lab.objects.reader.tree("main", object.path);
  const found: TreeEntry[] = [];
  for await (const entry of tree.entries()) found.push(entry);
  expect(found.map(({ path }) => path)).toEqual(files.map(({ path }) => path).toSorted());
  expect(await readFile(join(lab.main, object.path, "c/7"), "utf8")).toBe("chunk 7");
  const manifest = JSON.parse(await readFile(join(lab.main, `${object.path}.manifest.json`), "utf8"));
  expect(manifest.files).toEqual(found.map(({ path, sizeBytes: size }) => ({ path, size })));
});

test.each([
  "reserve.after",
  "put.before",
  "put.part[0]",
  "put.part[13]",
  "put.complete-reply-lost",
  "verify.after",
])("a fault at %s leaves a reservation and deletes nothing", async (point) => {
  const faults = (reached: string) => {
    if (reached === point) throw new Error("a fault");
  };
  const { writer } = await lab.again({ faults });
  const before = await readdir(lab.main, { recursive: true });
  const open = async () => (await lab.db.query("SELECT FROM holdfast.upload")).rowCount;
  const reserved = await open();
  await expect(writer.stage(target("schema"), files)).rejects.toThrow("a fault");
  expect(await open()).toBe(reserved + 1);
  const after = await readdir(lab.main, { recursive: true });
  expect(before.filter((path) => !after.includes(path))).toEqual([]);
});

test("what is no folder is refused", async () => {
  const stage = (given: typeof files, addressing: "hash" | "schema" = "schema") =>
    codeOf(lab.objects.writer.stage(target(addressing), given));
  const one = { path: "a", bytes: bytes("x") };
  expect(await stage([])).toBe("CONFIG_INVALID");
  expect(await stage([one, one])).toBe("CONFIG_INVALID");
  expect(await stage([one], "hash")).toBe("CONFIG_INVALID");
  expect(await stage([{ ...one, path: "../a" }])).toBe("BAD_USER_INPUT");
});
