import { describe, expect, it } from "vitest";
import npy from "../../codecs/npy.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import type { NdArray } from "../../src/format/array.ts";
import { littleEndianBytes } from "../../src/format/array.ts";
import { descrOf, dtypeName } from "../../src/format/dtype.ts";
import { writeNpyHeader } from "../../src/format/npy.ts";
import { openNpy } from "../../src/format/npy-reader.ts";
import { fixtureColumns, storeFile } from "../support/datajoint-fixture.ts";

const rows = fixtureColumns("npy").filter((row) => row.value.t === "npy");

describe("npy files written by numpy", () => {
  it("has rows of every kind in the fixture", () => {
    expect(rows.length).toBeGreaterThanOrEqual(14);
  });

  it.each(rows.map((row) => [`${row.table} ${String(row.value["meta_dtype"])}`, row] as const))(
    "reads and rewrites %s",
    async (_name, { value, json }) => {
      const bytes = storeFile(json);
      const stored = storedValueOf(bytes, json);
      const context = { field: "x", args: {}, inlineLimitBytes: 2 ** 20 };
      // The codec's decode gives an NdArray.
      const array = (await npy.decode(stored, context)) as NdArray;
      expect(dtypeName(array.dtype)).toBe(value["meta_dtype"]);
      expect(array.shape).toEqual(value["meta_shape"]);
      expect(descrOf(array.dtype)).toBe(value["file_dtype"]);
      const expected = value["array"] as { data?: { hex: string }; items?: string[] };
      if (expected.data !== undefined) {
        expect(Buffer.from(littleEndianBytes(array.dtype, array.bytes)).toString("hex")).toBe(
          expected.data.hex,
        );
      } else {
        expect(await npy.fields["values"]?.read?.(stored, {}, context)).toEqual(expected.items);
      }
      const header = await openNpy(await stored.bytes());
      expect(header.fortranOrder).toBe(value["fortran_order"]);
      expect(Buffer.from(writeNpyHeader(header))).toEqual(Buffer.from(bytes.subarray(0, header.dataStart)));
    },
  );
});
