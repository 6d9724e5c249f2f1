/** Facts of the six codecs, of two plugins, and of three stores, as a running service would give them. */

import type { CodecFacts, ModelContext } from "../../src/model/model.ts";

const facts: readonly CodecFacts[] = [
  { name: "blob", output: "Blob", row: "bytea", store: "jsonb", external: false },
  { name: "attach", output: "File", row: "bytea", store: "jsonb", external: false },
  { name: "hash", output: "File", store: "jsonb", external: false },
  { name: "npy", output: "NdArray", store: "jsonb", external: false },
  { name: "object", output: "Tree", store: "jsonb", external: false },
  { name: "marker", output: "Marker", row: "jsonb", external: false },
  {
    name: "rated",
    output: "Rated",
    row: "bytea",
    external: false,
    args: "rate: Float! = 30000, unit: Unit = MS, tags: [String!]",
    argTypes: '"Of time." enum Unit { S MS } input RatedInput { values: [Float!], other: Elsewhere }',
  },
  { name: "filepath", output: "FileRef", store: "jsonb", external: true },
];

/** What most tests of the model check their schemas against. */
export const testContext: ModelContext = {
  codecs: new Map(facts.map((each) => [each.name, each])),
  stores: new Set(["main", "cold", "acquisition"]),
  defaultStore: "main",
  filepathDefaultStore: "acquisition",
};
