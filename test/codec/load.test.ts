import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadCodecs } from "../../src/codec/load.ts";

let folder: string;

const whole = `export default { name: "good", version: 1, summary: "x", chain: { row: "bytes" }, output: "Good", input: "GoodInput",
  typeDefs: "input GoodInput { x: Int }", fields: {}, encode: () => ({ body: new Uint8Array() }), decode: async () => 1 };`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "codecs-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A folder with one plugin of this text. */
async function plugin(name: string, text: string): Promise<string> {
  const inside = join(folder, name.replaceAll(/\W/g, "_"));
  await mkdir(inside);
  await writeFile(join(inside, name), text);
  return inside;
}

describe("loadCodecs", () => {
  it("finds the codecs of the project, in order", async () => {
    const codecs = await loadCodecs([`${import.meta.dirname}/../../codecs`]);
    expect(codecs.map((codec) => codec.name)).toEqual([
      "arrow",
      "attach",
      "blob",
      "filepath",
      "hash",
      "hdf5",
      "image",
      "json",
      "npy",
      "object",
      "parquet",
      "text",
      "zarr",
    ]);
    expect(codecs.every((codec) => Object.isFrozen(codec))).toBe(true);
  });

  it("takes a plain object, passes over other files, and finds none in a folder that is not there", async () => {
    const inside = await plugin("good.js", whole);
    await writeFile(join(inside, "README.md"), "no codec");
    await writeFile(join(inside, "good.test.js"), "throw new Error('loaded')");
    await writeFile(join(inside, "good.d.ts"), "no code");
    const codecs = await loadCodecs([join(folder, "nothing"), inside]);
    expect(codecs.map((codec) => codec.name)).toEqual(["good"]);
  });

  it.each([
    ["throws.js", "throw new Error('out of order');", "out of order"],
    ["syntax.js", "export default {", "cannot be loaded"],
    ["missing.js", "import 'no-such-package-here';", "cannot be loaded"],
    ["empty.js", "export const x = 1;", "has no codec as its default export"],
    ["other.js", "export default { name: 'x' };", "has no codec as its default export"],
    ["named.js", whole.replace('"good"', '"Not Good"'), "the name must match"],
    ["chainless.js", whole.replace('row: "bytes"', ""), "chain gives no placement"],
    [
      "external.js",
      whole.replace('row: "bytes"', 'store: "json"').replace("version", 'addressing: "external", version'),
      "needs refer()",
    ],
  ])("names the file and the fault of %s", async (name, text, message) => {
    const inside = await plugin(name, text);
    const loading = loadCodecs([inside]);
    await expect(loading).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      details: { file: join(inside, name) },
    });
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toThrow(name);
  });
});
