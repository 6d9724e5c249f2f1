/** Facts of the six codecs and of three stores, as a running service would give them. */

import type { CodecFacts, ModelContext } from "../../src/model/model.ts";

const facts: readonly CodecFacts[] = [
  { name: "blob", output: "Blob", row: "bytea", store: "jsonb", external: false },
  { name: "attach", output: "File", row: "bytea", store: "jsonb", external: false },
  { name: "hash", output: "File", store: "jsonb", external: false },
  { name: "npy", output: "NdArray", store: "jsonb", external: false },
  { name: "object", output: "Tree", store: "jsonb", external: false },
  { name: "marker", output: "Marker", row: "jsonb", external: false },
  { name: "filepath", output: "FileRef", store: "jsonb", external: true },
];

/** What most tests of the model check their schemas against. */
export const testContext: ModelContext = {
  codecs: new Map(facts.map((each) => [each.name, each])),
  stores: new Set(["main", "cold", "acquisition"]),
  defaultStore: "main",
  filepathDefaultStore: "acquisition",
};
