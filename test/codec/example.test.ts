import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import hash from "../../codecs/hash.ts";
import spikes from "../../examples/codecs/spikes.ts";
import { readField } from "../../src/codec/chain.ts";
import type { Codec } from "../../src/codec/contract.ts";
import { encodeChain } from "../../src/codec/encode-chain.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { testCodec as kitOf } from "../../src/codec/testing.ts";
import { runLaws, testCodec } from "../contract/codec.ts";

const root = `${import.meta.dirname}/../..`;

testCodec(spikes, [{ name: "some", input: { times: [-0, 0.1, 0.1, 1e9] }, decoded: [-0, 0.1, 0.1, 1e9] }]);

// As the guide has it.
const times = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true })).map((all) => all.sort((a, b) => a - b));
const vectors = [
  { name: "none", input: { times: [] }, bytes: "", decoded: [] },
  { name: "some", input: { times: [0, 0.5] }, bytes: "0000000000000000 000000000000e03f", decoded: [0, 0.5] },
];
runLaws(
  "the guide's test",
  kitOf(spikes, fc.record({ times }), vectors, { decodedOf: (input) => input["times"] }),
);

describe("the kit", () => {
  const failing = async (codec: Codec, given = vectors) => {
    const laws = kitOf(codec, fc.record({ times }), given, {
      decodedOf: (input) => input["times"],
      runs: 20,
    });
    const results = await Promise.allSettled(laws.map((law) => law.check()));
    return laws.filter((_, at) => results[at]?.status === "rejected").map(({ name }) => name);
  };

  it("finds nothing wrong with a codec that is right", async () => {
    expect(await failing(spikes)).toEqual([]);
  });

  it("finds other bytes, values that change, and errors that are slips", async () => {
    const other = vectors.map((vector) => ({ ...vector, bytes: `${vector.bytes}0000000000000000` }));
    expect((await failing(spikes, other)).join()).toContain("writes exactly these bytes");
    const lossy: Codec = {
      ...spikes,
      decode: async (...all) => ((await spikes.decode(...all)) as number[]).map(Math.fround),
    };
    expect((await failing(lossy)).join()).toContain("decodes what it encodes: inputs made by machine");
    const rash: Codec = {
      ...spikes,
      decode: async (value) => [(await (await value.bytes()).read(0, 16)).at(0)],
    };
    expect((await failing(rash)).length).toBeGreaterThan(0);
  });
});

describe("the guide's codec", () => {
  it("is the example, word for word", () => {
    const guide = readFileSync(`${root}/docs/guide/write-a-codec.md`, "utf8");
    const example = readFileSync(`${root}/examples/codecs/spikes.ts`, "utf8");
    const [, shown] = /```ts\n(\/\*\* Spike[\s\S]*?)```/.exec(guide) ?? [];
    expect(shown).toBe(example.replace("../../src/codec/contract.ts", "holdfast/codec"));
  });

  it("works in the row and on hash, and names the field in its errors", async () => {
    const registry = createRegistry([hash, spikes]);
    expect(registry.facts.get("spikes")).toMatchObject({ row: "bytea", store: "jsonb", output: "Spikes" });
    const context = { schema: "lab", table: "unit", field: "spikes" };
    const use = { name: "spikes", store: "main" };
    const { body, meta } = await encodeChain(registry, use, { input: { times: [1, 2, 3] }, context });
    expect(meta).toEqual({ count: 3 });
    if (typeof body === "function") throw new Error("bytes expected");
    const asked = { name: "times", value: storedValueOf(body), args: { from: 1 } };
    const decoding = { field: "spikes", inlineLimitBytes: 100 };
    expect(await readField(registry, use, { ...asked, context: decoding })).toEqual([2, 3]);
    await expect(encodeChain(registry, use, { input: { times: [2, 1] }, context })).rejects.toMatchObject({
      code: "CODEC_INVALID_VALUE",
      message: "Field spikes, codec spikes: encode failed: the time 1 at 1 is before the one it follows",
    });
  });
});
