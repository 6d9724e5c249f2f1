import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadCodec } from "../../src/codec/load.ts";
import { testCodec as kitOf } from "../../src/codec/testing.ts";
import { runLaws, testCodec } from "./codec.ts";
import { codecSamples } from "./codec-samples.ts";
import { codecTrials } from "./codec-vectors.ts";

const folder = `${import.meta.dirname}/../../codecs`;
const files = readdirSync(folder).filter((file) => file.endsWith(".ts"));

/** Their files take milliseconds to read: thousands of damaged ones are read in test/property/hostile-files.test.ts. */
const damagedElsewhere = ["image", "parquet", "arrow"];

for (const file of files) {
  const codec = await loadCodec(`${folder}/${file}`);
  const samples = codecSamples[codec.name] ?? [];
  if (samples.length > 0)
    testCodec(codec, samples, damagedElsewhere.includes(codec.name) ? false : undefined);
  const trial = codecTrials[codec.name];
  if (trial !== undefined)
    runLaws(`codec ${codec.name}, by the kit`, kitOf(codec, trial.inputs, trial.vectors, trial.options));
}

describe("every codec file", () => {
  it.each(files)("%s has samples, or takes no values", async (file) => {
    const codec = await loadCodec(`${folder}/${file}`);
    expect(`${codec.name}.ts`).toBe(file);
    const samples = codecSamples[codec.name];
    expect(samples).toBeDefined();
    if (samples?.length !== 0) return;
    const context = { schema: "s", table: "t", field: "f", inStore: true, args: {} };
    expect(() => codec.encode({}, context)).toThrow(/is given (as an upload|by its path)/);
  });
});
