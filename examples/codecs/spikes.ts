/** Spike times in seconds, ascending, as little-endian 64-bit numbers: in the row, or in a store. */

import { type ByteReader, defineCodec } from "../../src/codec/contract.ts";

const bytesEach = 8;

export default defineCodec({
  name: "spikes",
  version: 1,
  summary: "Spike times in seconds, ascending.",
  // Without a store the bytes lie in the row; with one, the codec hash keeps them, equal ones once.
  chain: { row: "bytes", store: "<hash>" },
  output: "Spikes",
  input: "SpikesInput",
  typeDefs: `
"Spike times in seconds, ascending."
input SpikesInput @oneOf { times: [Float!] upload: ID }
`,
  fields: {
    count: {
      type: "Int",
      description: "Number of spikes.",
      sql: {
        row: (column) => `(octet_length(${column}) / 8)`,
        store: (column) =>
          `(CASE WHEN jsonb_typeof(${column}->'count') = 'number' THEN (${column}->>'count')::int END)`,
      },
      filter: "Int",
      read: async (value) => countOf(await value.bytes()),
    },
    times: {
      type: "[Float!]",
      description: "Times in seconds, from the given index on.",
      args: "from: Int = 0, first: Int = 1000",
      read: async (value, { from = 0, first = 1000 }, { signal }) => {
        const reader = await value.bytes();
        const start = Math.min(Math.max(Number(from), 0), countOf(reader));
        const end = Math.min(start + Math.max(Number(first), 0), countOf(reader));
        return timesIn(await reader.read(start * bytesEach, end * bytesEach, signal));
      },
    },
  },
  encode({ times }) {
    if (!Array.isArray(times)) throw new Error("give times as a list of numbers");
    const body = new Uint8Array(times.length * bytesEach);
    const view = new DataView(body.buffer);
    for (const [i, time] of times.entries()) view.setFloat64(i * bytesEach, time, true);
    return { body, meta: { count: checked(times).length } };
  },
  upload: {
    begin: () => ({}),
    async inspect({ value }, { signal }) {
      const reader = await value.bytes();
      return { count: checked(timesIn(await reader.read(0, reader.sizeBytes, signal))).length };
    },
  },
  async decode(value, { signal }) {
    const reader = await value.bytes();
    return timesIn(await reader.read(0, reader.sizeBytes, signal));
  },
});

function countOf(reader: ByteReader): number {
  return Math.floor(reader.sizeBytes / bytesEach);
}

function timesIn(bytes: Uint8Array): number[] {
  if (bytes.length % bytesEach !== 0) throw new Error(`${bytes.length} bytes are no whole number of times`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / bytesEach }, (_, i) => view.getFloat64(i * bytesEach, true));
}

/** An error thrown here is told to the caller with the field and the codec. */
function checked(times: readonly number[]): readonly number[] {
  for (const [i, time] of times.entries()) {
    if (!Number.isFinite(time)) throw new Error(`the time ${time} at ${i} is no number of seconds`);
    if (i > 0 && time < Number(times[i - 1]))
      throw new Error(`the time ${time} at ${i} is before the one it follows`);
  }
  return times;
}
