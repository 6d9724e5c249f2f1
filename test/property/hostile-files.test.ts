/**
 * Files of every format, damaged at random places: a value or an honest error comes out, in bounded memory. `FC_RUNS` damages each file
 * as often (200 by default).
 */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import arrow from "../../codecs/arrow.ts";
import image from "../../codecs/image.ts";
import json from "../../codecs/json.ts";
import parquet from "../../codecs/parquet.ts";
import text from "../../codecs/text.ts";
import type { Codec } from "../../src/codec/contract.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { isServiceError } from "../../src/errors.ts";
import { packText } from "../../src/format/gzip-text.ts";
import { testCodec } from "../contract/codec.ts";
import { codecSamples } from "../contract/codec-samples.ts";

const numRuns = Number(process.env["FC_RUNS"] ?? 200);
const fixture = (file: string) => Uint8Array.from(readFileSync(`${import.meta.dirname}/../fixtures/${file}`));
const document = new TextEncoder().encode(
  JSON.stringify({ a: [1, 2.5e10, { é: "鼠\n" }], b: Array(100).fill("x") }),
);

const parquets = [
  "v1_none",
  "v1_snappy",
  "v1_gzip",
  "v1_brotli",
  "v1_zstd",
  "v1_lz4",
  "v2_zstd",
  "v2_none",
  "groups",
  "encodings",
];
const arrows = [
  "file_none.arrow",
  "file_lz4.arrow",
  "file_zstd.arrow",
  "stream.arrows",
  "deltas.arrow",
  "blocks.arrow",
];
const images = [
  "rgb.png",
  "grey16.tiff",
  "float.tiff",
  "pages.tiff",
  "frames.gif",
  "rgb.webp",
  "rgb.avif",
  "rgb.jpg",
];

const files: readonly (readonly [name: string, codec: Codec, bytes: Uint8Array])[] = [
  ...parquets.map((name) => [name, parquet, fixture(`parquet/${name}.parquet`)] as const),
  ...arrows.map((name) => [name, arrow, fixture(`arrow/${name}`)] as const),
  ...images.map((name) => [name, image, fixture(`image/${name}`)] as const),
  ["json", json, document],
  ["json in gzip", json, await packText(document)],
  ["text", text, document],
];

/** Numbers that readers of sizes, counts and offsets trip over. */
const edges = [0, 1, 0x7f, 0x80, 0xff];
const edit = (size: number) =>
  fc.record({
    // Heads and footers say the most.
    at: fc.oneof(
      fc.nat(size - 1),
      fc.nat(Math.min(size - 1, 255)),
      fc.nat(Math.min(size - 1, 2047)).map((n) => size - 1 - n),
    ),
    bytes: fc.array(fc.oneof(fc.nat(255), fc.constantFrom(...edges)), { minLength: 1, maxLength: 8 }),
    kind: fc.constantFrom("write", "insert", "remove", "cut"),
  });

type Edit = { readonly at: number; readonly bytes: readonly number[]; readonly kind: string };

function damaged(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  let found = Buffer.from(bytes);
  for (const { at, bytes: put, kind } of edits) {
    const [before, after] = [found.subarray(0, at), found.subarray(Math.min(found.length, at + put.length))];
    if (kind === "write") found = Buffer.concat([before, Buffer.from(put), after]);
    else if (kind === "insert") found = Buffer.concat([before, Buffer.from(put), found.subarray(at)]);
    else if (kind === "remove") found = Buffer.concat([before, after]);
    else if (at > found.length / 2) found = Buffer.from(before);
  }
  return Uint8Array.from(found);
}

const honest = ["CODEC_CORRUPT", "OBJECT_CORRUPT", "LIMIT_EXCEEDED", "BAD_USER_INPUT"] as const;
const context = { field: "value", args: {}, inlineLimitBytes: 2 ** 20 };
const limitBytes = 900 * 2 ** 20;

async function answersHonestly(what: () => Promise<unknown>): Promise<boolean> {
  try {
    await what();
    return true;
  } catch (error) {
    const deliberate = error instanceof Error && error.constructor === Error;
    if (!deliberate && !honest.some((code) => isServiceError(error, code))) throw error;
    return false;
  }
}

for (const codec of [image, parquet, arrow]) testCodec(codec, codecSamples[codec.name] ?? [], true);

describe("damaged files", () => {
  it.each(files)("%s", { timeout: 600_000 }, async (_name, codec, bytes) => {
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(edit(bytes.length), { minLength: 1, maxLength: 4 }), async (edits) => {
        const broken = damaged(bytes, edits);
        const value = storedValueOf(broken);
        if (!(await answersHonestly(() => codec.decode(value, context)))) refused += 1;
        for (const [name, args] of [
          ["rows", { first: 2, offset: 1 }],
          ["thumbnail", {}],
          ["lines", {}],
        ] as const) {
          const read = codec.fields[name]?.read;
          if (read !== undefined) await answersHonestly(() => read(value, args, context));
        }
        expect(process.memoryUsage().rss).toBeLessThan(limitBytes + bytes.length);
        expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
      }),
      { numRuns },
    );
    // Most damage is seen: a reader that believes everything would not pass.
    if (codec !== text) expect(refused).toBeGreaterThan(numRuns / 10);
  });
});
