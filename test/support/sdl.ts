/** Models from schema text, checked against codecs that ship, some of them unknown to the peer, and two stores. */

import type { CodecFacts, Model, ModelContext } from "../../src/model/model.ts";
import { parseModel } from "../../src/model/parse.ts";

function facts(
  name: string,
  output: string,
  placement: Pick<CodecFacts, "row" | "store" | "peer"> & { external?: boolean },
): [string, CodecFacts] {
  const { row, store, peer, external = false } = placement;
  return [
    name,
    {
      name,
      output,
      external,
      ...(row === undefined ? {} : { row }),
      ...(store === undefined ? {} : { store }),
      ...(peer === undefined ? {} : { peer }),
    },
  ];
}

/** Stores `main` (the default) and `cold`. */
export const modelContext: ModelContext = {
  codecs: new Map([
    facts("blob", "Blob", { row: "bytea", store: "jsonb" }),
    facts("attach", "File", { row: "bytea", store: "jsonb" }),
    facts("hash", "File", { store: "jsonb" }),
    facts("npy", "NdArray", { store: "jsonb" }),
    facts("object", "Tree", { store: "jsonb" }),
    facts("zarr", "ZarrArray", { store: "jsonb", peer: { store: "object" } }),
    facts("text", "TextFile", { row: "bytea", store: "jsonb", peer: { row: "bytes", store: "hash" } }),
    facts("filepath", "FileRef", { store: "jsonb", external: true }),
  ]),
  stores: new Set(["main", "cold"]),
  defaultStore: "main",
  filepathDefaultStore: "cold",
};

/** The model of one schema text. */
export function model(text: string): Model {
  return parseModel([{ path: "schema.graphql", text }], modelContext);
}
