import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import object from "../../codecs/object.ts";
import zarr from "../../codecs/zarr.ts";
import type { Json, JsonObject } from "../../src/codec/contract.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";

interface Expected {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly chunks: readonly number[];
  readonly attributes: Json;
  readonly values: Json;
}

interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly arrays: Readonly<Record<string, Expected>>;
}

const cases: Case[] = JSON.parse(readFileSync(`${import.meta.dirname}/../fixtures/zarr/cases.json`, "utf8"));
const context = { field: "x", args: {}, inlineLimitBytes: 2 ** 20 };
const encoding = { schema: "s", table: "t", field: "f", inStore: true, args: {} };

function stored({ files }: Case, meta?: JsonObject) {
  const bytes = Object.entries(files).map(([path, text]) => [
    path,
    Uint8Array.from(Buffer.from(text, "base64")),
  ]);
  return storedValueOf(Object.fromEntries(bytes), meta);
}

describe("folders that zarr-python wrote", () => {
  it.each(cases)("read as it reads them: $name", async (given) => {
    const value = stored(given);
    const ask = (name: string, args = {}) => zarr.fields[name]?.read?.(value, args, context);
    const facts = Object.entries(given.arrays).map(([path, { dtype, shape, chunks }]) => ({
      path,
      dtype,
      shape,
      chunks,
    }));
    expect(await ask("arrays")).toEqual(facts);
    for (const [path, { values, attributes, dtype, shape }] of Object.entries(given.arrays)) {
      expect(await ask("values", { path })).toEqual(values);
      expect(await ask("attributes", { path })).toEqual(attributes);
      const tree = stored(given, { is_dir: true });
      expect(await object.fields["array"]?.read?.(tree, { path }, context)).toEqual({
        dtype,
        shape,
        data: values,
      });
    }
    expect(await ask("sizeBytes")).toBe(
      String(Object.values(given.files).reduce((sum, text) => sum + Buffer.from(text, "base64").length, 0)),
    );
  });

  it.each(cases)("are taken as uploads, and told in the row: $name", async (given) => {
    const upload = { filename: "x.zarr", value: stored(given) };
    const meta = await zarr.upload?.inspect(upload, encoding);
    const root = given.arrays[""];
    expect(meta).toEqual({
      zarr_format: given.name.startsWith("v2") ? 2 : 3,
      ...(root === undefined ? {} : { dtype: root.dtype, shape: root.shape, chunks: root.chunks }),
      arrays: Object.entries(given.arrays).map(([path, { dtype, shape, chunks }]) => ({
        path,
        dtype,
        shape,
        chunks,
      })),
    });
  });
});
