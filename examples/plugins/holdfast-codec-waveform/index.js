/** Sound of one channel, 16 bits a sample: each value a .pcm file under a path that names table, key and field. */

import { defineCodec } from "holdfast/codec";

export default defineCodec({
  name: "waveform",
  version: 1,
  contract: 1,
  summary: "Sound of one channel, as a .pcm file.",
  chain: { store: "json" },
  addressing: "schema",
  args: "rate: Int! = 48000",
  output: "Waveform",
  input: "WaveformInput",
  typeDefs: "input WaveformInput @oneOf { samples: [Int!] }",
  fields: {
    rate: {
      type: "Int",
      description: "Samples a second.",
      sql: {
        store: (column) =>
          `(CASE WHEN ${column}->>'rate' ~ '^[0-9]{1,9}$' THEN (${column}->>'rate')::int END)`,
      },
      filter: "Int",
    },
    samples: {
      type: "[Int!]",
      description: "Samples, from the given one on.",
      args: "from: Int = 0, first: Int = 1000",
      read: (value, { from = 0, first = 1000 }, { signal }) => samplesOf(value, from, from + first, signal),
    },
  },
  encode({ samples }, { args }) {
    const body = Buffer.alloc(samples.length * 2);
    for (const [at, sample] of samples.entries()) body.writeInt16LE(sample, at * 2);
    return { body, ext: ".pcm", meta: { rate: args.rate } };
  },
  metadata({ path, store, sizeBytes, sha256 }, { rate }) {
    return { path, store, size: sizeBytes, rate, ...(sha256 === undefined ? {} : { sha256 }) };
  },
  decode: (value, { signal }) => samplesOf(value, 0, Number.POSITIVE_INFINITY, signal),
});

/** Only the bytes of these samples are read. */
async function samplesOf(value, from, to, signal) {
  const reader = await value.bytes();
  if (reader.sizeBytes % 2 !== 0) throw new Error(`${reader.sizeBytes} bytes are no whole number of samples`);
  const begin = Math.min(Math.max(from, 0) * 2, reader.sizeBytes);
  const end = Math.max(begin, Math.min(to * 2, reader.sizeBytes));
  const bytes = Buffer.from(await reader.read(begin, end, signal));
  return Array.from({ length: bytes.length / 2 }, (_, at) => bytes.readInt16LE(at * 2));
}
