/** Models from schema text, checked against the six codecs that ship and two stores. */

import type { CodecFacts, Model, ModelContext } from "../../src/model/model.ts";
import { parseModel } from "../../src/model/parse.ts";

function facts(
  name: string,
  output: string,
  placement: { row?: string; store?: string; external?: boolean },
): [string, CodecFacts] {
  const { row, store, external = false } = placement;
  return [
    name,
    {
      name,
      output,
      external,
      ...(row === undefined ? {} : { row }),
      ...(store === undefined ? {} : { store }),
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
