/** The names of a folder come in byte order, each once, however few are kept at a time. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFileDriver } from "../../src/store/file.ts";
import { sortedNames } from "../../src/store/file-names.ts";

const files = [
  "a",
  "a.txt",
  "a0",
  "b",
  "z",
  "é",
  "\u{1F600}",
  "￿",
  ...Array.from({ length: 30 }, (_, n) => `n${n}`),
];
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-names-"));
  for (const name of files) await writeFile(join(folder, name), "x");
  await mkdir(join(folder, "b-"));
  await writeFile(join(folder, "b-", "inside"), "x");
  await writeFile(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x6e, 0xff])]), "not UTF-8");
});
afterAll(() => rm(folder, { recursive: true }));

async function names(prefix: string, kept?: number): Promise<string[]> {
  const found: string[] = [];
  for await (const name of sortedNames(folder, { prefix, ...(kept !== undefined && { kept }) }))
    found.push(name);
  return found;
}

const ordered = (some: readonly string[]) =>
  some.toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));

test.each([1, 2, 3, 7, 1000])("with %d kept at a time", async (kept) => {
  expect(await names("", kept)).toEqual(ordered([...files, "b-/"]));
  expect(await names("n1", kept)).toEqual(ordered(files.filter((name) => name.startsWith("n1"))));
});

test("a prefix that names a folder opens that folder, and no other", async () => {
  const { list } = createFileDriver(folder);
  const paths = async (prefix: string) => {
    const found: string[] = [];
    for await (const { path } of list(prefix)) found.push(path);
    return found;
  };
  expect(await paths("b-/")).toEqual(["b-/inside"]);
  expect(await paths("b-/in")).toEqual(["b-/inside"]);
  expect(await paths("a/")).toEqual([]);
  for (const strange of ["./", "../", "/", "b-//", "b-/../", "none/x"])
    expect(await paths(strange)).toEqual([]);
});
