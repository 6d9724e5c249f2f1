/** The merge of a listing with what the database knows, against a plain model over whole sets. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Known } from "../../src/collector/known.ts";
import { listSections } from "../../src/collector/listing.ts";
import { type Merged, merge } from "../../src/collector/merge.ts";
import { type Root, sectionsOf } from "../../src/collector/sections.ts";
import type { ObjectHead, Store, StoreConfig } from "../../src/store/contract.ts";
import { compareBytes } from "../../src/store/path.ts";
import { codeOf } from "../contract/store.ts";

const config: StoreConfig = {
  name: "main",
  protocol: "file",
  location: "/nowhere",
  hashPrefix: "_hash",
  schemaPrefix: "_schema",
  tokenLength: 8,
  driver: {},
};

const manifest = ".manifest.json";

/** Names around the `/` in byte order, and beyond what UTF-16 orders as UTF-8 does. */
const name = fc.constantFrom("a", "a-b", "a.b", "a0", "b", "b-a", "é", "\u{ffee}", "\u{1f600}");
const knownPath = fc.array(name, { minLength: 1, maxLength: 3 }).map((segments) => segments.join("/"));
const filePath = fc
  .tuple(fc.array(name, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([segments, isManifest]) => segments.join("/") + (isManifest ? manifest : ""));

/** No object lies inside another. */
function apart(paths: readonly string[]): string[] {
  return paths.filter((path) => !paths.some((other) => other !== path && path.startsWith(`${other}/`)));
}

/** A folder of the top is one object, a file of it another. */
function rootOf(path: string): Root {
  const [first = "", ...rest] = path.split("/");
  return { path: first, isTree: rest.length > 0 };
}

interface Summary {
  readonly present: Record<string, readonly [file: number | undefined, files: number, bytes: number]>;
  readonly absent: string[];
  readonly unknown: string[];
}

async function summaryOf(merged: AsyncIterable<Merged>): Promise<Summary> {
  const summary: Summary = { present: {}, absent: [], unknown: [] };
  for await (const one of merged) {
    if (one.kind === "absent") summary.absent.push(one.known.path);
    else if (one.kind === "unknown") summary.unknown.push(one.root.path);
    else {
      const { fileBytes, files, bytesInside } = one.found;
      summary.present[one.known.path] = [fileBytes, files, bytesInside];
    }
  }
  return { ...summary, absent: summary.absent.sort(), unknown: summary.unknown.sort() };
}

function modelOf(files: ReadonlyMap<string, number>, known: readonly string[]): Summary {
  const summary: Summary = { present: {}, absent: [], unknown: [] };
  const mine = (owner: string, path: string): boolean =>
    path === owner || path === owner + manifest || path.startsWith(`${owner}/`);
  for (const path of known) {
    const inside = [...files].filter(([file]) => file.startsWith(`${path}/`));
    const bytes = inside.reduce((sum, [, size]) => sum + size, 0);
    if (files.has(path) || inside.length > 0) summary.present[path] = [files.get(path), inside.length, bytes];
    else summary.absent.push(path);
  }
  const nobodys = [...files.keys()].filter((file) => !known.some((owner) => mine(owner, file)));
  const roots = nobodys.map((file) => {
    const root = rootOf(file).path;
    const stem = root.endsWith(manifest) && root === file ? root.slice(0, -manifest.length) : root;
    return nobodys.some((other) => other === stem || other.startsWith(`${stem}/`)) ? stem : root;
  });
  return { ...summary, absent: summary.absent.sort(), unknown: [...new Set(roots)].sort() };
}

async function* of<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

describe("the merge", () => {
  const merged = (files: ReadonlyMap<string, number>, known: readonly string[]): Promise<Summary> => {
    const listed = [...files]
      .map(([path, sizeBytes]) => ({ path, sizeBytes }))
      .sort((left, right) => compareBytes(left.path, right.path));
    const paths: Known[] = [...known].sort(compareBytes).map((path) => ({ path }));
    return summaryOf(merge(of(listed), of(paths), rootOf));
  };

  test("tells of every known path and every unknown object once, as a plain model does", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(knownPath, { maxLength: 8 }),
        fc.uniqueArray(filePath, { maxLength: 14 }),
        async (some, paths) => {
          const known = apart(some);
          // An unknown object around a known one is another matter, below.
          const files = new Map(
            paths
              .map((path, at) => [path, at + 1] as const)
              .filter(([path]) => {
                const root = rootOf(path).path;
                const stem = root.endsWith(manifest) ? root.slice(0, -manifest.length) : root;
                return !known.some((one) => one.startsWith(`${root}/`) || one.startsWith(`${stem}/`));
              }),
          );
          expect(await merged(files, known)).toEqual(modelOf(files, known));
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test("finds a known object inside of an unknown folder", async () => {
    const files = new Map([
      ["a/1", 1],
      ["a/2", 2],
      ["a/3", 3],
    ]);
    expect(await merged(files, ["a/2"])).toEqual({
      present: { "a/2": [2, 0, 0] },
      absent: [],
      unknown: ["a"],
    });
  });

  test("gives a folder its manifest, known or not, and a manifest alone is a file", async () => {
    const files = new Map([
      ["a/1", 1],
      [`a${manifest}`, 9],
      ["b/1", 1],
      [`b${manifest}`, 9],
      [`c${manifest}`, 9],
    ]);
    expect(await merged(files, ["a"])).toEqual({
      present: { a: [undefined, 1, 1] },
      absent: [],
      unknown: ["b", `c${manifest}`],
    });
  });
});

describe("the object that a path belongs to", () => {
  const root = (path: string, more: Partial<StoreConfig> = {}, schemas = ["lab", "x=y"]) =>
    sectionsOf({ ...config, ...more }, schemas).rootOf(path);

  test.each<[string, string, boolean]>([
    ["_hash/lab/so4illp6", "_hash/lab/so4illp6", false],
    ["_hash/lab/tOkEn-12/so4illp6", "_hash/lab/tOkEn-12/so4illp6", false],
    ["_schema/lab/scan/id=1/frames_5EhXKOuf.npy", "_schema/lab/scan/id=1/frames_5EhXKOuf.npy", false],
    [
      "_schema/lab/scan/id=1/k=a%2Fb/zarr_5EhXKOuf.zarr/0/.zarray",
      "_schema/lab/scan/id=1/k=a%2Fb/zarr_5EhXKOuf.zarr",
      true,
    ],
    ["_schema/lab/scan/zarr_5EhXKOuf/0/1", "_schema/lab/scan/zarr_5EhXKOuf", true],
    [
      "_schema/subject=3/date=2024-01-02/lab/scan/f_5EhXKOuf/a",
      "_schema/subject=3/date=2024-01-02/lab/scan/f_5EhXKOuf",
      true,
    ],
    ["_schema/x=y/scan/f_5EhXKOuf/a", "_schema/x=y/scan/f_5EhXKOuf", true],
    // No name that the layout would give: each file for itself.
    ["_schema/lab/scan/id=1/plain/a.bin", "_schema/lab/scan/id=1/plain/a.bin", false],
  ])("of %s is %s", (path, object, isTree) => {
    expect(root(path)).toEqual({ path: object, isTree });
  });

  test.each([
    "_hash/other/so4illp6",
    "_hash/lab2/so4illp6",
    "_schema/other/lab/id=1/f_5EhXKOuf.npy",
    "_schema/id=1/other/scan/f_5EhXKOuf.npy",
    "_schema/lab/scan",
    "_schema/lab.manifest.json",
    "_obj/identity.json",
    "_trash/1/_hash/lab/so4illp6",
    "raw/lab/scan/f_5EhXKOuf.npy",
    "lab/so4illp6",
  ])("%s is of no adopted schema", (path) => {
    expect(root(path)).toBeUndefined();
  });

  test("is none where the section has no prefix: a user's own files lie there too", () => {
    expect(root("lab/scan/f_5EhXKOuf.npy", { schemaPrefix: "" })).toBeUndefined();
    expect(root("lab/so4illp6", { hashPrefix: "" })).toBeUndefined();
    expect(sectionsOf({ ...config, schemaPrefix: "", hashPrefix: "" }, ["lab"]).prefixes).toEqual([]);
    expect(sectionsOf(config, []).prefixes).toEqual([]);
  });
});

describe("a listing", () => {
  const lists = (paths: readonly string[], prefixes = ["_hash/lab/"]) => {
    const driver = {
      list: () => of(paths.map((path) => ({ path, sizeBytes: 1, modifiedAt: new Date() }))),
    } satisfies Partial<Store["driver"]>;
    return all(listSections({ config, driver: driver as unknown as Store["driver"] }, prefixes, undefined));
  };
  const all = async (listing: AsyncIterable<Pick<ObjectHead, "path">>): Promise<string[]> => {
    const found: string[] = [];
    for await (const { path } of listing) found.push(path);
    return found;
  };

  test.each<[string, string[]]>([
    ["repeats", ["_hash/lab/a", "_hash/lab/b", "_hash/lab/b"]],
    ["goes back", ["_hash/lab/b", "_hash/lab/a"]],
    ["orders by UTF-16", ["_hash/lab/\u{1f600}", "_hash/lab/\u{ffee}"]],
    ["has what was not asked for", ["_hash/lab/a", "_hash/lac/b"]],
  ])("that %s is an error", async (_, paths) => {
    expect(await codeOf(lists(paths))).toBe("STORE_UNAVAILABLE");
  });

  test("in byte order is whole", async () => {
    const paths = ["_hash/lab/a", "_hash/lab/\u{ffee}", "_hash/lab/\u{1f600}"];
    expect(await lists(paths)).toEqual(paths);
  });
});
