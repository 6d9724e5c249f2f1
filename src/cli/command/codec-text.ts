/** The text of a codec to begin with, and of its test: a list of numbers, which passes as it is. */

import { upperFirst } from "../../model/naming.ts";

/** Where the values of a new codec lie. */
export type Placement = "hash" | "schema" | "row";

/** What stands in the new files. */
export interface CodecText {
  readonly name: string;
  readonly placement: Placement;
}

/** `eye_track` → `EyeTrack`. */
export function outputOf(name: string): string {
  return name.split("_").map(upperFirst).join("");
}

const places: Readonly<Record<Placement, string>> = {
  hash: `  // Without a store the bytes lie in the row; with one, the codec hash keeps them, equal ones once.
  chain: { row: "bytes", store: "<hash>" },`,
  schema: `  // Each value is a file of its own, under a path that names table, key and field.
  chain: { store: "json" },
  addressing: "schema",`,
  row: `  // The bytes lie in the row.
  chain: { row: "bytes" },`,
};

const inRow = `row: (column) => \`(octet_length(\${column}) / 8)\`,`;
const inStore = `store: (column) =>
          \`(CASE WHEN jsonb_typeof(\${column}->'count') = 'number' THEN (\${column}->>'count')::int END)\`,`;

const countSql: Readonly<Record<Placement, readonly string[]>> = {
  hash: [inRow, inStore],
  schema: [inStore],
  row: [inRow],
};

const metadata = `  // The row's JSON; sha256 is what a reader proves the bytes by.
  metadata: ({ path, store, sizeBytes, sha256 }, meta) => ({
    path,
    store,
    size: sizeBytes,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...meta,
  }),
`;

/** The codec's file. */
export function codecText({ name, placement }: CodecText): string {
  const output = outputOf(name);
  const ext = placement === "schema" ? ', ext: ".bin"' : "";
  return `/** Numbers, as little-endian 64-bit ones. Replace them by what you have. */

import { defineCodec, type StoredValue } from "holdfast/codec";

const bytesEach = 8;

export default defineCodec({
  name: "${name}",
  // Count up when what encode writes changes, and go on reading what was written before.
  version: 1,
  contract: 1,
  summary: "Numbers.",
${places[placement]}
  output: "${output}",
  input: "${output}Input",
  typeDefs: \`
"Numbers."
input ${output}Input @oneOf { values: [Float!] }
\`,
  fields: {
    count: {
      type: "Int",
      description: "How many there are.",
      sql: {
${countSql[placement].map((line) => `        ${line}`).join("\n")}
      },
      filter: "Int",
      read: async (value) => Math.floor((await value.bytes()).sizeBytes / bytesEach),
    },
    values: {
      type: "[Float!]",
      description: "The numbers.",
      read: (value, _, { signal }) => valuesOf(value, signal),
    },
  },
  encode({ values }) {
    if (!Array.isArray(values)) throw new Error("give values as a list of numbers");
    const body = new Uint8Array(values.length * bytesEach);
    const view = new DataView(body.buffer);
    for (const [at, value] of values.entries()) view.setFloat64(at * bytesEach, value, true);
    return { body${ext}, meta: { count: values.length } };
  },
${placement === "schema" ? metadata : ""}  decode: (value, { signal }) => valuesOf(value, signal),
});

/** Stored bytes may be anything: an Error says so, before anything large is made of them. */
async function valuesOf(value: StoredValue, signal: AbortSignal | undefined): Promise<number[]> {
  const reader = await value.bytes();
  if (reader.sizeBytes % bytesEach !== 0) {
    throw new Error(\`\${reader.sizeBytes} bytes are no whole number of values\`);
  }
  const bytes = await reader.read(0, reader.sizeBytes, signal);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / bytesEach }, (_, at) => {
    const number = view.getFloat64(at * bytesEach, true);
    if (!Number.isFinite(number)) throw new Error(\`there is no number at byte \${at * bytesEach}\`);
    return number;
  });
}
`;
}

/** The test's file. */
export function codecTestText({ name }: Pick<CodecText, "name">): string {
  return `import { test } from "node:test";
import fc from "fast-check";
import { testCodec } from "holdfast/codec/testing";
import codec from "./${name}.ts";

/** Inputs, made by machine. */
const inputs = fc.record({ values: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })) });

/** Exact bytes: what was written once must be read for ever. */
const vectors = [
  { name: "none", input: { values: [] }, bytes: "", decoded: [] },
  { name: "two", input: { values: [0, -1.5] }, bytes: "0000000000000000 000000000000f8bf", decoded: [0, -1.5] },
];

const laws = testCodec(codec, inputs, vectors, { decodedOf: ({ values }) => values });
for (const law of laws) test(law.name, law.check);
`;
}
