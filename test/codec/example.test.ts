import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import hash from "../../codecs/hash.ts";
import spikes from "../../examples/codecs/spikes.ts";
import { encodeChain, readField } from "../../src/codec/chain.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { testCodec } from "../contract/codec.ts";

const root = `${import.meta.dirname}/../..`;

testCodec(spikes, [
  { name: "none", input: { times: [] }, decoded: [] },
  { name: "some", input: { times: [-0, 0.1, 0.1, 1e9] }, decoded: [-0, 0.1, 0.1, 1e9] },
]);

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
