/** Spans of time in seconds, as 64-bit little-endian numbers; in a store by their hash, equal ones once. */

import { defineCodec } from "holdfast/codec";

export default defineCodec({
  name: "spans",
  version: 1,
  contract: 1,
  summary: "Spans of time in seconds.",
  chain: { row: "bytes", store: "<hash>" },
  args: "longest: Float! = 86400",
  output: "Spans",
  input: "SpansInput",
  typeDefs: "input SpansInput @oneOf { edges: [Float!] }",
  fields: {
    count: {
      type: "Int",
      description: "Number of spans.",
      sql: {
        row: (column) => `(octet_length(${column}) / 16)`,
        store: (column) =>
          `(CASE WHEN jsonb_typeof(${column}->'count') = 'number' THEN (${column}->>'count')::int END)`,
      },
      filter: "Int",
    },
    edges: {
      type: "[Float!]",
      description: "Start and end of each span.",
      read: (value, _, { signal }) => edgesOf(value, signal),
    },
  },
  encode({ edges }, { args }) {
    if (edges.length % 2 !== 0) throw new Error("every span has a start and an end");
    for (let at = 0; at < edges.length; at += 2) {
      const seconds = edges[at + 1] - edges[at];
      if (!(seconds >= 0 && seconds <= args.longest))
        throw new Error(`span ${at / 2} lasts ${seconds} s; 0 to ${args.longest} s are allowed`);
    }
    const body = Buffer.alloc(edges.length * 8);
    for (const [at, edge] of edges.entries()) body.writeDoubleLE(edge, at * 8);
    return { body, meta: { count: edges.length / 2 } };
  },
  decode: (value, { signal }) => edgesOf(value, signal),
});

async function edgesOf(value, signal) {
  const reader = await value.bytes();
  if (reader.sizeBytes % 16 !== 0) throw new Error(`${reader.sizeBytes} bytes are no whole number of spans`);
  const bytes = Buffer.from(await reader.read(0, reader.sizeBytes, signal));
  const edges = Array.from({ length: bytes.length / 8 }, (_, at) => bytes.readDoubleLE(at * 8));
  if (!edges.every(Number.isFinite)) throw new Error("an edge is no number of seconds");
  return edges;
}
