import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readStoreConfigs } from "../../src/store/config.ts";
import { parseStores } from "../../src/store/config-parse.ts";
import { openStores } from "../../src/store/open.ts";
import { codeOf } from "../contract/store.ts";

let base: string;
let count = 0;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "holdfast-config-"));
});
afterAll(() => rm(base, { recursive: true, force: true }));

/** A project folder that ends the search upward, with these files. */
async function project(files: Record<string, string>): Promise<string> {
  const folder = join(base, `p${count++}`);
  await mkdir(join(folder, ".git"), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

const read = (folder: string, environment: Record<string, string> = {}) =>
  readStoreConfigs({ folder, environment, dataFolder: join(base, "data") });
const file = (location: string, more: object = {}) => ({ protocol: "file", location, ...more });

describe("reading", () => {
  test("without configuration there is main, in the data folder", async () => {
    const configs = await read(await project({}));
    expect(configs).toMatchObject({ defaultName: "main", filepathDefaultName: "main", source: "default" });
    expect(configs.stores).toEqual([
      {
        name: "main",
        protocol: "file",
        location: join(base, "data/stores/main"),
        hashPrefix: "_hash",
        schemaPrefix: "_schema",
        tokenLength: 8,
        driver: {},
      },
    ]);
    expect((await stat(join(base, "data/stores/main"))).isDirectory()).toBe(true);
    const stores = await openStores(configs);
    await stores.get("main").driver.probe();
  });

  test("datajoint.json is found upward, but not beyond the repository", async () => {
    const text = JSON.stringify({ stores: { default: "a", a: file("/a") } });
    const folder = await project({ "datajoint.json": text, "sub/deep/x": "" });
    expect((await read(join(folder, "sub/deep"))).stores[0]?.name).toBe("a");
    await mkdir(join(folder, "sub/.hg"));
    expect((await read(join(folder, "sub/deep"))).source).toBe("default");
    expect((await read(folder, { DJ_IGNORE_CONFIG_FILE: "true" })).source).toBe("default");
  });

  test("keys may be nested or dotted, everything is taken over", async () => {
    const nested = {
      stores: {
        default: "main",
        filepath_default: "cold",
        main: {
          protocol: "s3",
          endpoint: "s3.example.org",
          bucket: "b",
          location: "proj",
          secure: true,
          access_key: null,
        },
        cold: file("/abs/dir", {
          subfolding: [2, 2],
          partition_pattern: "{subject}/{day}",
          token_length: 99,
          hash_prefix: "/blobs/",
          schema_prefix: "arrays",
          filepath_prefix: "raw",
        }),
      },
    };
    const dotted = {
      "stores.default": "main",
      "stores.filepath_default": "cold",
      stores: { "main.protocol": "s3", "main.endpoint": "s3.example.org" },
      "stores.main": { bucket: "b", location: "proj", secure: true },
      ...Object.fromEntries(
        Object.entries(nested.stores.cold).map(([key, value]) => [`stores.cold.${key}`, value]),
      ),
    };
    const one = await read(await project({ "datajoint.json": JSON.stringify(nested) }));
    const two = await read(await project({ "datajoint.json": JSON.stringify(dotted) }));
    expect(two.stores).toEqual(one.stores);
    expect(one).toMatchObject({ defaultName: "main", filepathDefaultName: "cold" });
    expect(one.stores[0]?.driver).toEqual({ endpoint: "s3.example.org", bucket: "b", secure: true });
    expect(one.stores[1]).toEqual({
      name: "cold",
      protocol: "file",
      location: "/abs/dir",
      hashPrefix: "blobs",
      schemaPrefix: "arrays",
      filepathPrefix: "raw",
      subfolding: [2, 2],
      partitionPattern: "{subject}/{day}",
      tokenLength: 16,
      driver: {},
    });
  });

  test("DJ_STORES replaces the file's stores; secrets fill only what is missing", async () => {
    const s3 = { protocol: "s3", endpoint: "e", bucket: "b", location: "", access_key: "mine" };
    const folder = await project({
      "datajoint.json": JSON.stringify({ stores: { old: file("/old"), cloud: s3 } }),
      ".secrets/stores.cloud.access_key": "theirs",
      ".secrets/stores.cloud.secret_key": " s3cret\n",
      ".secrets/database.password": "no",
    });
    const fromFile = await read(folder);
    expect(fromFile.stores.map((store) => store.name)).toEqual(["old", "cloud"]);
    expect(fromFile.stores[1]?.driver).toMatchObject({ access_key: "mine", secret_key: "s3cret" });
    const replaced = await read(folder, { DJ_STORES: JSON.stringify({ new: file("/new") }) });
    expect(replaced).toMatchObject({ source: "DJ_STORES", defaultName: undefined });
    expect(replaced.stores.map((store) => store.name)).toEqual(["new"]);
  });

  test("a store without a name, the peer's work-around, is passed over", async () => {
    const stores = { default: "a", a: file("/a"), "": file("/a") };
    expect(parseStores(stores, "test").stores.map((store) => store.name)).toEqual(["a"]);
  });

  test("text that is not JSON is told with its file", async () => {
    const folder = await project({ "datajoint.json": "{" });
    await expect(read(folder)).rejects.toThrow(/datajoint\.json is not valid JSON/);
    expect(await codeOf(read(folder))).toBe("CONFIG_INVALID");
    expect(await codeOf(read(await project({}), { DJ_STORES: "[]" }))).toBe("CONFIG_INVALID");
    expect(await codeOf(read(await project({ "datajoint.json": '{"stores": 5}' })))).toBe("CONFIG_INVALID");
  });
});

describe("checks", () => {
  test.each<[string, Record<string, unknown>, RegExp]>([
    ["no protocol", { a: { location: "/a" } }, /stores\.a\.protocol is missing/],
    ["an unknown protocol", { a: { protocol: "ftp", location: "/a" } }, /"ftp", which no driver serves/],
    ["no location", { a: { protocol: "file" } }, /stores\.a\.location is missing/],
    ["a relative location", { a: file("here") }, /"here", which is not an absolute path/],
    ["an unknown key", { a: file("/a", { colour: 1 }) }, /stores\.a\.colour is not a known key/],
    ["a key of another protocol", { a: file("/a", { bucket: "b" }) }, /stores\.a\.bucket is not a known key/],
    [
      "s3 without a bucket",
      { a: { protocol: "s3", endpoint: "e", location: "" } },
      /stores\.a\.bucket is missing/,
    ],
    ["a default that is not there", { default: "b", a: file("/a") }, /stores\.default names "b"/],
    ["a bad name", { "1a": file("/a") }, /stores\.1a is no store name/],
    ["a store that is no object", { a: 5 }, /stores\.a must be an object/],
    [
      "equal prefixes",
      { a: file("/a", { hash_prefix: "x", schema_prefix: "x" }) },
      /schema_prefix is "x", which overlaps hash_prefix/,
    ],
    [
      "a prefix in another",
      { a: file("/a", { filepath_prefix: "_hash/raw" }) },
      /filepath_prefix is "_hash\/raw", which overlaps/,
    ],
    ["a reserved prefix", { a: file("/a", { hash_prefix: "_trash" }) }, /overlaps _trash/],
    ["a prefix that climbs", { a: file("/a", { hash_prefix: "../x" }) }, /no canonical path/],
    ["a folding of zero", { a: file("/a", { subfolding: [0] }) }, /subfolding must be a list/],
    ["a folding beyond the hash", { a: file("/a", { subfolding: [20, 7] }) }, /26 in all/],
    [
      "a token length in quotes",
      { a: file("/a", { token_length: "8" }) },
      /token_length must be a whole number/,
    ],
    ["one location twice", { a: file("/a"), b: file("/a/") }, /location of the store "a"/],
    [
      "a location in another",
      { a: file("/a"), b: file("/a/b") },
      /stores\.b\.location lies inside, around or at/,
    ],
  ])("%s", (_, stores, message) => {
    expect(() => parseStores(stores, "test")).toThrow(message);
  });

  test("neighbours are no overlap, nor are equal folders of different buckets", () => {
    const s3 = (bucket: string) => ({ protocol: "s3", endpoint: "e", bucket, location: "x" });
    parseStores({ a: file("/a"), b: file("/ab"), c: file("/a..b"), d: s3("one"), e: s3("two") }, "test");
    expect(() => parseStores({ d: s3("one"), e: s3("one") }, "test")).toThrow(/overlap|inside/);
    for (const endpoint of ["https://e", "http://E:80/", "e:443", "e/"]) {
      const other = { ...s3("one"), endpoint, location: "x/y" };
      expect(() => parseStores({ d: s3("one"), e: other }, "test")).toThrow(/lies inside, around or at/);
    }
  });
});

describe("opening", () => {
  test.each(["gcs", "azure"])("refuses %s by name", async (protocol) => {
    const keys = { bucket: "b", container: "c", location: "" };
    const wanted: Record<string, string[]> = {
      gcs: ["bucket", "location"],
      azure: ["container", "location"],
    };
    const picked = Object.fromEntries(
      Object.entries(keys).filter(([key]) => wanted[protocol]?.includes(key)),
    );
    const configs = parseStores({ cloud: { protocol, ...picked } }, "test");
    await expect(openStores(configs)).rejects.toThrow(
      `"cloud" has the protocol ${protocol}, which this version does not serve yet`,
    );
    expect(await codeOf(openStores(configs))).toBe("CONFIG_INVALID");
  });

  test("an unknown store is told with the known ones", async () => {
    const stores = await openStores(parseStores({ a: file("/a") }, "test"));
    expect(() => stores.get("b")).toThrow(/no store "b"/);
  });
});
