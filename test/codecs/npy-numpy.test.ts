import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import npy from "../../codecs/npy.ts";
import type { Json } from "../../src/codec/contract.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { writeNpyHeader } from "../../src/format/npy.ts";
import { openNpy } from "../../src/format/npy-reader.ts";

interface Case {
  readonly dtype: string;
  readonly shape: number[];
  readonly values: Json;
  readonly file: string;
}

const cases: Case[] = JSON.parse(readFileSync(`${import.meta.dirname}/../fixtures/numpy/cases.json`, "utf8"));
const context = { field: "x", args: {}, inlineLimitBytes: 2 ** 20 };

describe("files that numpy saved", () => {
  it.each(cases)(
    "read as numpy reads them, headers rewritten alike: $dtype $shape",
    async ({ file, ...expected }) => {
      const bytes = new Uint8Array(Buffer.from(file, "base64"));
      const stored = storedValueOf(bytes, {});
      const ask = (name: string) => npy.fields[name]?.read?.(stored, {}, context);
      expect({ dtype: await ask("dtype"), shape: await ask("shape"), values: await ask("values") }).toEqual(
        expected,
      );
      const header = await openNpy(await stored.bytes());
      expect(Buffer.from(writeNpyHeader(header))).toEqual(Buffer.from(bytes.subarray(0, header.dataStart)));
    },
  );

  // Records and the other order come by upload only; everything else can be sent by value.
  const sendable = cases.filter(({ dtype }) => !dtype.startsWith("["));
  it.each(sendable)(
    "are written by value as numpy writes them: $dtype $shape",
    async ({ file, dtype, shape, values }) => {
      const input = { values: { dtype, shape, data: values } };
      const encoding = { schema: "s", table: "t", field: "f", inStore: true, args: {} };
      const { body } = await npy.encode(input, encoding);
      const theirs = Buffer.from(file, "base64");
      const { fortranOrder } = await openNpy(await storedValueOf(theirs).bytes());
      if (body instanceof Uint8Array && !fortranOrder) expect(Buffer.from(body)).toEqual(theirs);
      else
        expect(await npy.fields["values"]?.read?.(storedValueOf(body as Uint8Array), {}, context)).toEqual(
          values,
        );
    },
  );
});
