/** The short form of `npm run test:hostile`: the whole corpus, and a little damage. */

import { describe, expect, it } from "vitest";
import { driveHostile } from "./drive.ts";

/** Codecs that decode. */
const decoders = ["attach", "blob", "hdf5", "npy"];

describe("hostile bytes", () => {
  it("give values or typed errors, within the limits", { timeout: 600_000 }, () => {
    const report = driveHostile(150, 20_261_122);
    expect(report.faults).toEqual([]);
    expect(report.runs).toBe(150);
    expect(Object.keys(report.corpus).length).toBeGreaterThan(45);
    for (const codec of decoders) {
      expect([codec, report.totals[codec]?.["CODEC_CORRUPT"]]).toEqual([codec, expect.any(Number)]);
      expect([codec, report.totals[codec]?.["value"]]).toEqual([codec, expect.any(Number)]);
    }
    // The bombs of the corpus: refused before they unfold.
    for (const name of ["blob-zlib-bomb.bin", "blob-lists-5000-deep.bin", "blob-many-nothings.bin"])
      expect([name, report.corpus[name]]).toEqual([name, "LIMIT_EXCEEDED value"]);
  });
});
