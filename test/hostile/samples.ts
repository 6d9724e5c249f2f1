/** What is damaged, and the corpus of what is hostile from the start. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Codec } from "../../src/codec/contract.ts";
import { closeEnvelope } from "../../src/format/blob-envelope.ts";
import { codecSamples } from "../contract/codec-samples.ts";

/** Bytes of a codec. */
export interface Bytes {
  readonly codec: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

const fixtures = join(import.meta.dirname, "../fixtures");

/** Valid values of a codec: the samples of its laws, compressed ones, and files of other programs. */
export async function validBytes(codec: Codec): Promise<Bytes[]> {
  const found: Bytes[] = [];
  for (const { name, input } of codecSamples[codec.name] ?? []) {
    const context = { schema: "s", table: "t", field: "f", inStore: true, args: {} };
    const { body } = await codec.encode(input, context);
    if (body instanceof Uint8Array) found.push({ codec: codec.name, name, bytes: body });
  }
  if (codec.name === "blob") found.push(await compressedBlob(codec));
  if (codec.name === "hdf5") found.push(...filesIn("hdf5", /\.h5$/, () => "hdf5"));
  return found;
}

/** A blob whose bytes shrink, so that damage meets the decompressor too. */
async function compressedBlob(codec: Codec): Promise<Bytes> {
  const context = { schema: "s", table: "t", field: "f", inStore: true, args: {} };
  const json = { list: Array.from({ length: 400 }, (_, i) => [i, `text ${i % 7}`, { deep: [true, null] }]) };
  const { body } = await codec.encode({ json }, context);
  if (!(body instanceof Uint8Array)) throw new Error("a blob is encoded to bytes");
  return { codec: "blob", name: "compressed", bytes: await closeEnvelope(body) };
}

/** The corpus; which codec is to read a file stands in its name. */
export function corpus(): Bytes[] {
  return filesIn("hostile", /\.bin$/, (file) => file.slice(0, file.indexOf("-")));
}

function filesIn(folder: string, pattern: RegExp, codecOf: (file: string) => string): Bytes[] {
  return readdirSync(join(fixtures, folder))
    .filter((file) => pattern.test(file))
    .sort()
    .map((name) => ({
      codec: codecOf(name),
      name,
      bytes: Uint8Array.from(readFileSync(join(fixtures, folder, name))),
    }));
}
