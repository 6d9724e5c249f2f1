/** Plugins of folders and packages: what is loaded, what is left alone, what is told. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import hash from "../../codecs/hash.ts";
import { assembleCodecs } from "../../src/codec/assemble.ts";
import { loadCodecPlugins } from "../../src/codec/load.ts";
import { parseStores } from "../../src/store/config-parse.ts";
import { loadDrivers } from "../../src/store/load-drivers.ts";
import { openStores } from "../../src/store/open.ts";

const base = await mkdtemp(join(tmpdir(), "plugins-"));
let count = 0;
let project: string;

beforeEach(() => {
  project = join(base, `project${count++}`);
});
afterAll(() => rm(base, { recursive: true }));

async function put(path: string, content: unknown): Promise<string> {
  const file = join(project, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

const codec = (name: string, more = "") =>
  `export default { name: "${name}", version: 1, summary: "x", chain: { row: "bytes" }, output: "O${name}", input: "I${name}",
    typeDefs: "input I${name} { x: Int }", fields: {}, encode: () => ({ body: new Uint8Array() }), decode: async () => 1, ${more} };`;

const load = () => loadCodecPlugins({ folders: [join(project, "codecs")], packagesFrom: project });
const names = (found: Awaited<ReturnType<typeof load>>) => found.loaded.map(({ plugin }) => plugin.name);

describe("packages", () => {
  it("are loaded where package.json declares them, and told with their version", async () => {
    await put("package.json", {
      dependencies: { "holdfast-codec-one": "*", "@lab/holdfast-codec-two": "*", other: "*" },
      optionalDependencies: { "holdfast-codec-three": "*" },
      devDependencies: { "holdfast-codec-four": "*" },
    });
    const module = { type: "module", version: "1.2.3" };
    const exports = { ".": { require: "./no.cjs", import: { node: "./lib/main.js" } } };
    await put("node_modules/holdfast-codec-one/package.json", { ...module, exports });
    await put("node_modules/holdfast-codec-one/lib/main.js", codec("one"));
    await put("node_modules/@lab/holdfast-codec-two/package.json", { ...module, main: "two.js" });
    await put("node_modules/@lab/holdfast-codec-two/two.js", codec("two"));
    await put("node_modules/holdfast-codec-three/package.json", module);
    await put("node_modules/holdfast-codec-three/index.js", codec("three"));
    // Installed, and asked for by nobody, or for development only.
    for (const name of ["four", "five"]) {
      await put(`node_modules/holdfast-codec-${name}/package.json`, module);
      await put(`node_modules/holdfast-codec-${name}/index.js`, "throw new Error('loaded')");
    }
    const found = await load();
    expect(found.broken).toEqual([]);
    expect(found.loaded.map(({ plugin, source }) => [plugin.name, source])).toEqual([
      ["two", "@lab/holdfast-codec-two 1.2.3"],
      ["one", "holdfast-codec-one 1.2.3"],
      ["three", "holdfast-codec-three 1.2.3"],
    ]);
  });

  it("are found upward, as Node finds them; the nearest package.json decides", async () => {
    await put("package.json", { dependencies: { "holdfast-codec-far": "*" } });
    await put("node_modules/holdfast-codec-near/package.json", { type: "module" });
    await put("node_modules/holdfast-codec-near/index.js", codec("near"));
    await put("lab/package.json", { dependencies: { "holdfast-codec-near": "*" } });
    project = join(project, "lab");
    expect(names(await load())).toEqual(["near"]);
  });

  it("that are declared and not installed are told, and so is one that leads out of its folder", async () => {
    await put("package.json", { dependencies: { "holdfast-codec-gone": "*", "holdfast-codec-out": "*" } });
    await put("node_modules/holdfast-codec-out/package.json", { main: "../../secret.js" });
    await put("secret.js", codec("secret"));
    const { broken, loaded } = await load();
    expect(loaded).toEqual([]);
    expect(broken).toMatchObject([
      {
        name: "gone",
        problem: expect.stringContaining("not installed"),
        remedy: expect.stringContaining("npm install"),
      },
      { name: "out", problem: expect.stringContaining("no file of its own") },
    ]);
  });

  it("cannot be found by a package.json that is no JSON", async () => {
    await put("package.json", "{");
    await expect(load()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});

describe("a broken codec", () => {
  it.each([
    ["throws", "throw new Error('out of order')", "out of order"],
    ["throws what is no text", "throw Object.create(null)", "no error was thrown"],
    ["is no codec", "export default {}", "no codec as its default export"],
    ["has no fields", codec("bad").replace("fields: {}", "fields: { x: null }"), ""],
    ["is newer", codec("bad", "contract: 2"), "is written for contract 2 of codecs; this Holdfast keeps 1"],
    ["is older", codec("bad", "contract: 0"), "is written for contract 0"],
    ["names no contract", codec("bad", "contract: '1'"), "no whole number"],
    ["has no version", codec("bad").replace("version: 1", "version: 0"), "the version must be"],
  ])("that %s is told, and the others are loaded", async (_, text, problem) => {
    const file = await put("codecs/bad.js", text);
    await put("codecs/good.js", codec("good"));
    const found = await load();
    expect(names(found)).toEqual(["good"]);
    expect(found.broken).toMatchObject([{ kind: "codec", name: "bad", source: file }]);
    expect(found.broken[0]?.problem).toContain(problem);
    expect(found.broken[0]?.remedy).toMatch(/./);
  });
});

describe("assembleCodecs", () => {
  const own = { loaded: [{ plugin: hash, source: "ours" }], broken: [] };
  const withOwn = async () => {
    const found = await load();
    return { loaded: [...own.loaded, ...found.loaded], broken: found.broken };
  };

  it("names both files of two codecs with one name", async () => {
    const [first, second] = [
      await put("codecs/a.js", codec("same")),
      await put("codecs/b.js", codec("same")),
    ];
    const found = await load();
    expect(() => assembleCodecs(found, () => {})).toThrow(
      `Two codecs are called "same": ${first} and ${second}.`,
    );
    await put("codecs/b.js", codec("other"));
  });

  it("takes one that stands on a later one, and puts aside what does not fit", async () => {
    const on = (name: string, inner: string) =>
      codec(name).replace('row: "bytes"', `row: "bytes", store: "<${inner}>"`);
    await put("codecs/a.js", on("a", "z"));
    await put("codecs/n.js", on("n", "nowhere"));
    await put(
      "codecs/o.js",
      codec("o")
        .replace('output: "Oo"', 'output: "File"')
        .replace("fields: {}", "fields: { name: { type: 'Int', description: 'x', read: async () => 1 } }"),
    );
    await put("codecs/z.js", on("z", "hash"));
    const { registry, broken, sources } = assembleCodecs(await withOwn(), () => {});
    expect(registry.all.map(({ name }) => name).sort()).toEqual(["a", "hash", "z"]);
    expect(broken.map(({ name }) => name)).toEqual(["n", "o"]);
    expect(broken[0]?.problem).toContain('No codec is called "nowhere"');
    expect(sources.get("z")).toBe(join(project, "codecs/z.js"));
  });

  it("puts aside what the API's types cannot be made of", async () => {
    await put("codecs/a.js", codec("a"));
    await put("codecs/b.js", codec("b"));
    const { registry, broken } = assembleCodecs(await load(), (tried) => {
      if (tried.typeNames.has("Oa")) throw new Error("Oa does not fit");
    });
    expect(registry.all.map(({ name }) => name)).toEqual(["b"]);
    expect(broken).toMatchObject([{ name: "a", problem: "Oa does not fit" }]);
  });
});

const driver = (protocol: string, more = "open: () => ({})") =>
  `export default { protocol: "${protocol}", version: 1, summary: "x", ${more} };`;

describe("a broken driver", () => {
  const drivers = () => loadDrivers({ folders: [join(project, "drivers")], packagesFrom: project });

  it("takes only its own stores out of service", async () => {
    await put("drivers/shelf.js", "throw new Error('out of order')");
    await put("drivers/half.js", driver("half"));
    const raw = {
      a: { protocol: "shelf", location: "/x", rows: 3 },
      b: { protocol: "half" },
      main: { protocol: "file", location: base },
    };
    const stores = await openStores(parseStores(raw, "test", await drivers()));
    const { driver: shelf } = stores.get("a");
    const refusal = { code: "STORE_UNAVAILABLE", message: expect.stringContaining("out of order") };
    for (const work of [
      () => shelf.head("a"),
      () => shelf.get("a"),
      () => shelf.delete("a"),
      () => shelf.list("")[Symbol.asyncIterator]().next(),
      () => shelf.resumable.begin("a", 1),
      () => shelf.probe(),
    ])
      await expect(work()).rejects.toMatchObject(refusal);
    await expect(stores.get("b").driver.probe()).rejects.toThrow("lacks head(), get()");
    await stores.get("main").driver.probe();
  });

  it("is an error where two serve one protocol, and where nobody serves it", async () => {
    await put("drivers/a.js", driver("shelf"));
    expect(() => parseStores({ a: { protocol: "rack" } }, "test")).toThrow("holdfast-driver-rack");
    await put("drivers/b.js", driver("shelf"));
    await expect(drivers()).rejects.toThrow(/Two drivers serve the protocol "shelf": .*a\.js and .*b\.js/);
    project = `${project}-s3`;
    await put("drivers/s3.js", driver("s3"));
    await expect(drivers()).rejects.toThrow("Holdfast itself");
  });
});
