/** The example packages, by the kits that their authors would use. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadCodec } from "../../src/codec/load.ts";
import { testCodec } from "../../src/codec/testing.ts";
import { parseStores } from "../../src/store/config-parse.ts";
import { loadDrivers } from "../../src/store/load-drivers.ts";
import { openStores } from "../../src/store/open.ts";
import { driverLaws } from "../../src/store/testing.ts";
import { runLaws } from "../contract/codec.ts";

const folder = join(import.meta.dirname, "../../examples/plugins");
const fileOf = (name: string) => join(folder, name, "index.js");

const spans = await loadCodec(fileOf("holdfast-codec-spans"));
const lengths = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { maxLength: 20 });
runLaws(
  "the codec spans",
  testCodec(
    spans,
    lengths.map((all) => ({ edges: all.flatMap((length, at) => [at * 1000, at * 1000 + length]) })),
    [
      { name: "none", input: { edges: [] }, bytes: "", decoded: [], args: { longest: 10 } },
      {
        name: "one",
        input: { edges: [0, 1.5] },
        bytes: "0000000000000000 000000000000f83f",
        decoded: [0, 1.5],
        args: { longest: 10 },
      },
    ],
    { decodedOf: ({ edges }) => edges, args: { longest: 1000 } },
  ),
);

const waveform = await loadCodec(fileOf("holdfast-codec-waveform"));
runLaws(
  "the codec waveform",
  testCodec(
    waveform,
    fc.record({ samples: fc.array(fc.integer({ min: -32768, max: 32767 })) }),
    [
      {
        name: "two",
        input: { samples: [1, -2] },
        bytes: "0100 feff",
        decoded: [1, -2],
        args: { rate: 8000 },
      },
    ],
    { decodedOf: ({ samples }) => samples, args: { rate: 8000 } },
  ),
);

describe("the driver memory", async () => {
  const drivers = {
    broken: [],
    byProtocol: (await loadDrivers({ folders: [join(folder, "holdfast-driver-memory")] })).byProtocol,
  };
  let count = 0;
  const laws = driverLaws("memory", async () => {
    const raw = { m: { protocol: "memory", location: `place${count++}` } };
    const driver = (await openStores(parseStores(raw, "test", drivers))).get("m").driver;
    return () => driver;
  });
  for (const law of laws) it(law.name, law.check);

  it("names what is wrong with a store's configuration; the store alone is out of service", async () => {
    const raw = {
      a: { protocol: "memory", location: "a", most_bytes: "many" },
      b: { protocol: "memory", location: "b" },
    };
    const stores = await openStores(parseStores(raw, "test", drivers));
    await expect(stores.get("a").driver.probe()).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("most_bytes is no number of bytes"),
    });
    await stores.get("b").driver.probe();
    const refused = { c: { protocol: "memory", location: "c", colour: "red" } };
    expect(() => parseStores(refused, "test", drivers)).toThrow("colour is not a known key");
    expect(() => parseStores({ c: { protocol: "memory" } }, "test", drivers)).toThrow("location is missing");
  });
});

describe("the example codecs", () => {
  it.each(["holdfast-codec-spans", "holdfast-codec-waveform"])("%s stays under 60 lines", (name) => {
    expect(readFileSync(fileOf(name), "utf8").split("\n").length).toBeLessThan(60);
  });
});
